"""Isotonic calibration against scikit-learn, and what smoothing and centring promise."""

import jax
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration

TOLERANCE = 1e-12 if jax.config.jax_enable_x64 else 2e-6
SIZE = 60
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32


def fitted(y, x, w=1, kind=IsotonicCalibration, smoothing=0, **options):
    """Of few examples, in the shape of all others, so that each form is compiled once."""
    labels, logits, weights = np.zeros((3, SIZE), DTYPE)
    labels[: len(y)], logits[: len(y)], weights[: len(y)] = y, x, w
    return kind.fit(labels, logits=logits, weights=weights, smoothing=smoothing, **options)


def probs(fit, at):
    """At few places, in the shape of all others."""
    return fit.probs(logits=np.resize(np.asarray(at, DTYPE), len(GRID)))[: len(at)]


def sample(seed, n=SIZE, tied=True):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, n)
    x = np.round(x) / 2 if tied else np.round(x * 4096) / 4096  # exact in float32 too
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(DTYPE)
    return x.astype(DTYPE), y, rng.integers(0, 4, n).astype(DTYPE)


def peer(x, y, w):
    return IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=w)


GRID = np.linspace(-8, 8, 129).astype(DTYPE)


@pytest.mark.parametrize("tied", [True, False])
def test_equals_scikit_learn(tied):
    for seed in range(8):
        x, y, w = sample(seed, tied=tied)
        ours = IsotonicCalibration.fit(y, logits=x, weights=w, smoothing=0)
        for at in (GRID, x):
            np.testing.assert_allclose(
                probs(ours, at), peer(x, y, w).predict(at), rtol=0, atol=TOLERANCE
            )


def test_smoothing_is_a_one_below_and_a_zero_above():
    x, y, w = sample(3)
    ours = IsotonicCalibration.fit(y, logits=x, weights=w, smoothing=0.5)
    beside = np.append([-1e6, 1e6], x), np.append([1, 0], y), np.append([0.5, 0.5], w)
    np.testing.assert_allclose(probs(ours, x), peer(*beside).predict(x), rtol=0, atol=TOLERANCE)
    least = 0.5 / (w.sum() + 0.5)
    low, high = np.asarray(probs(ours, [-np.inf, np.inf]))
    assert low >= least * (1 - 1e-6)
    assert high <= 1 - least * (1 - 1e-6)


def test_at_one_score_smoothing_is_laplaces_rule():
    got = fitted([1, 1, 0], [2, 2, 2], smoothing=1)
    np.testing.assert_allclose(probs(got, [0.0]), 3 / 5, rtol=1e-6)


def test_steps_hold_until_the_next_block():
    fit = fitted([0, 1, 0, 1], [-2, -1, 1, 2], interpolation="step")
    at = [-9, -2, -1.001, -1, 0, 1.999, 2, 9.0]
    np.testing.assert_allclose(probs(fit, at), [0, 0, 0, 0.5, 0.5, 0.5, 1, 1], atol=1e-7)


def test_steps_and_lines_agree_at_the_examples():
    x, y, w = sample(4)
    step = IsotonicCalibration.fit(y, logits=x, weights=w, interpolation="step")
    line = IsotonicCalibration.fit(y, logits=x, weights=w)
    present = x[w > 0]
    np.testing.assert_array_equal(probs(step, present), probs(line, present))


def centred(x, y, w, at):
    """The definition, from scikit-learn's fit."""
    x, y, w = (each[w > 0].astype(float) for each in (x, y, w))
    fitted = np.round(peer(x, y, w).predict(x), 12)
    places, values = [], []
    for value in np.unique(fitted):
        block = fitted == value
        ends = [x[block].min(), x[block].max()]
        spots = ends if value in (0, 1) else [np.average(x[block], weights=w[block])]
        places += spots
        values += [value] * len(spots)
    return np.interp(at, places, values)


@pytest.mark.parametrize("tied", [True, False])
def test_centred_form_equals_its_definition(tied):
    for seed in range(6):
        x, y, w = sample(seed, tied=tied)
        ours = CentredIsotonicCalibration.fit(y, logits=x, weights=w, smoothing=0)
        np.testing.assert_allclose(
            ours.probs(logits=GRID), centred(x, y, w, GRID), rtol=0, atol=4 * TOLERANCE
        )


def test_centred_form_agrees_with_the_peer():
    """cir-model 0.2.0."""
    y = [0, 1, 0, 0, 1, 0, 1, 1, 0, 1]
    fit = fitted(y, np.arange(-4, 6) / 2, kind=CentredIsotonicCalibration)
    got = probs(fit, [-1.2, -0.2, 0.3, 1.2, 1.9])
    np.testing.assert_allclose(got, [0.26666667, 0.44, 0.50666667, 0.62666667, 0.8], atol=1e-6)


def test_centred_form_strictly_increases_between_its_ends():
    x, y, _ = sample(5, tied=False)
    fit = CentredIsotonicCalibration.fit(y, logits=x)
    inner = np.asarray(fit.params["lower"])[: int(fit.params["count"])]
    at = np.linspace(inner[0], inner[-1], len(GRID))
    assert (np.diff(probs(fit, at)) > 0).all()


def test_an_infinite_score_does_not_pull_a_centre():
    fit = fitted([1, 0, 1, 0, 1, 1], [-np.inf, 0, 1, 2, 3, np.inf], smoothing=1,
                 kind=CentredIsotonicCalibration)  # fmt: skip
    assert np.isfinite(np.asarray(fit.params["lower"])[:2]).all()


@pytest.mark.parametrize("scale", [1e-40, 1e38])
def test_gaps_of_any_size_stay_between_their_ends(scale):
    x = np.array([0, 1, 2, 3], np.float32) * np.float32(scale)
    fit = IsotonicCalibration.fit([0, 0, 1, 1], logits=x, smoothing=0)
    between = np.linspace(0, 3, 31).astype(np.float32) * np.float32(scale)
    got = np.asarray(fit.probs(logits=between))
    assert ((got >= 0) & (got <= 1)).all()
    assert (np.diff(got) >= 0).all()


def test_logits_keep_what_probabilities_would_round():
    fit = fitted([0, 1], [3, 3], [1, 2**20 - 1])
    np.testing.assert_allclose(fit(GRID), np.log(2**20 - 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolation": "cubic"}, r"interpolation 'cubic' is not one of"),
        ({"smoothing": -1}, r"smoothing is -1; it must be finite and >= 0"),
        ({"smoothing": np.nan}, r"smoothing is nan"),
        ({"smoothing": [1.0, 2.0]}, r"smoothing has shape \(2,\)"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        IsotonicCalibration.fit([0, 1], logits=[0.0, 1.0], **options)
