"""Isotonic calibration against scikit-learn, and what smoothing and centring promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration

TOLERANCE = 1e-12 if jax.config.jax_enable_x64 else 2e-6
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32


def sample(seed, n=60, tied=True):
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
        at = np.concatenate([GRID, x])
        np.testing.assert_allclose(
            ours.probs(logits=at), peer(x, y, w).predict(at), rtol=0, atol=TOLERANCE
        )


def test_smoothing_is_a_one_below_and_a_zero_above():
    x, y, w = sample(3)
    ours = IsotonicCalibration.fit(y, logits=x, weights=w, smoothing=0.5)
    beside = np.append([-1e6, 1e6], x), np.append([1, 0], y), np.append([0.5, 0.5], w)
    np.testing.assert_allclose(
        ours.probs(logits=x), peer(*beside).predict(x), rtol=0, atol=TOLERANCE
    )
    least = 0.5 / (w.sum() + 0.5)
    assert ours.probs(logits=-np.inf) >= least * (1 - 1e-6)
    assert ours.probs(logits=np.inf) <= 1 - least * (1 - 1e-6)


def test_at_one_score_smoothing_is_laplaces_rule():
    got = IsotonicCalibration.fit([1, 1, 0], logits=[2.0, 2.0, 2.0], smoothing=1)
    assert got.probs(logits=jnp.array(0.0)) == pytest.approx(3 / 5)


def test_steps_hold_until_the_next_block():
    fit = IsotonicCalibration.fit(
        [0, 1, 0, 1], logits=[-2.0, -1.0, 1.0, 2.0], interpolation="step", smoothing=0
    )
    at = jnp.array([-9, -2, -1.001, -1, 0, 1.999, 2, 9.0])
    np.testing.assert_allclose(fit.probs(logits=at), [0, 0, 0, 0.5, 0.5, 0.5, 1, 1], atol=1e-7)


def test_steps_and_lines_agree_at_the_examples():
    x, y, w = sample(4)
    step = IsotonicCalibration.fit(y, logits=x, weights=w, interpolation="step")
    line = IsotonicCalibration.fit(y, logits=x, weights=w)
    present = x[w > 0]
    np.testing.assert_array_equal(step(present), line(present))


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
    fit = CentredIsotonicCalibration.fit(y, logits=np.arange(-4, 6) / 2, smoothing=0)
    got = fit.probs(logits=np.array([-1.2, -0.2, 0.3, 1.2, 1.9]))
    np.testing.assert_allclose(got, [0.26666667, 0.44, 0.50666667, 0.62666667, 0.8], atol=1e-6)


def test_centred_form_strictly_increases_between_its_ends():
    x, y, _ = sample(5, tied=False)
    fit = CentredIsotonicCalibration.fit(y, logits=x)
    inner = fit.params["lower"][: int(fit.params["count"])]
    at = jnp.linspace(inner[0], inner[-1], 200)
    assert (np.diff(fit.probs(logits=at)) > 0).all()


def test_an_infinite_score_does_not_pull_a_centre():
    fit = CentredIsotonicCalibration.fit([1, 0, 1, 0, 1, 1], logits=[-np.inf, 0, 1, 2, 3, np.inf])
    assert np.isfinite(fit.params["lower"][:2]).all()


@pytest.mark.parametrize("scale", [1e-40, 1e-38, 1.0, 1e38])
def test_gaps_of_any_size_stay_between_their_ends(scale):
    x = np.array([0, 1, 2, 3], np.float32) * np.float32(scale)
    fit = IsotonicCalibration.fit([0, 0, 1, 1], logits=x, smoothing=0)
    between = np.linspace(0, 3, 31).astype(np.float32) * np.float32(scale)
    got = np.asarray(fit.probs(logits=between))
    assert ((got >= 0) & (got <= 1)).all()
    assert (np.diff(got) >= 0).all()


def test_float32_logits_keep_what_probabilities_would_round():
    y = np.ones(2**20, np.float32)
    y[0] = 0
    x = np.full(2**20, 3, np.float32)
    fit = IsotonicCalibration.fit(y, logits=x, smoothing=0)
    assert fit(jnp.float32(3)) == pytest.approx(np.log(2**20 - 1), rel=1e-6)


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
