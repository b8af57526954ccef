"""CORP against exact means around scikit-learn's isotonic regression, and against its peers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, rel_entr, xlogy
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.decomposition.corp import corp_decomposition

N = 60
KEY = jax.random.key(3)
SCORES = {
    "log": lambda p, y: -xlogy(y, p) - xlogy(1 - y, 1 - p),
    "brier": lambda p, y: (p - y) ** 2,
}


@functools.partial(jax.jit, static_argnames="score")
def compiled(labels, weights, score, **scores):
    return corp_decomposition(labels, weights=weights, score=score, **scores)


def found_for(labels, *, weights=None, score="log", dtype=np.float64, **scores):
    """The parts of examples that are filled up to N without weight, so that they compile once."""

    def filled(values, filling=0.5):
        return np.append(values, np.full(N - len(labels), filling)).astype(dtype)

    weights = filled(np.ones(len(labels)) if weights is None else weights, 0)
    scores = {name: filled(values) for name, values in scores.items()}
    with jax.enable_x64(dtype == np.float64):
        return np.array(compiled(filled(labels), weights, score, **scores)[:4])


def data(seed=0, hard=True):
    """Labels, tied probabilities and weights (N,)."""
    rng = np.random.default_rng(seed)
    probs = np.round(expit(rng.normal(0, 2, N)), 1 + seed % 2).clip(0.05, 0.95)
    labels = (rng.uniform(size=N) < probs**1.5) * 1.0 if hard else rng.uniform(size=N)
    return labels, probs, rng.choice([0.0, 0.5, 1.0, 3.0], N)


def by_differences(labels, probs, weights, score):
    """S, S - R, U - R, U in float64."""
    fit = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probs, labels, weights)
    fitted = fit.predict(probs)
    base = np.full_like(probs, np.average(labels, weights=weights))
    present = weights > 0
    of_model, of_fit, of_base = (
        np.average(SCORES[score](each, labels)[present], weights=weights[present])
        for each in (probs, fitted, base)
    )
    return [of_model, of_model - of_fit, of_base - of_fit, of_base]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hard", [True, False])
def test_equals_differences_of_exact_means(score, seed, hard):
    labels, probs, weights = data(seed, hard)
    want = by_differences(labels, probs, weights, score)
    cases = [{"probs": probs}]
    if score == "log":  # the logits of equal probabilities are equal, so the order is the same
        cases += [{"logits": np.log(probs) - np.log1p(-probs)}]
    for scores in cases:
        found = found_for(labels, weights=weights, score=score, **scores)
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found[0], found[1] - found[2] + found[3], rtol=1e-14)


@pytest.mark.parametrize(
    ("score", "weighted", "want"),
    [  # model-diagnostics 1.5.0, decompose: score, miscalibration, discrimination, uncertainty
        ("log", False,
         [0.6015309822103797, 0.16198091221615296, 0.239643195997299, 0.6791932659915257]),
        ("log", True,
         [0.6421260663598115, 0.19217244416426382, 0.23167081142923585, 0.6816244336247835]),
        ("brier", False,
         [0.2108333333333333, 0.05527777777777773, 0.08750000000000002, 0.24305555555555558]),
        ("brier", True,
         [0.2256060606060606, 0.06766299357208444, 0.08631772268135901, 0.24426078971533516]),
    ],
)  # fmt: skip
def test_equals_model_diagnostics(score, weighted, want):
    labels = [0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1]
    probs = [0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.4, 0.6, 0.7, 0.75, 0.9, 0.95]
    weights = [1, 2, 1, 3, 1, 1, 2, 0.5, 1, 1, 2, 1] if weighted else None
    found = found_for(labels, probs=probs, weights=weights, score=score)
    np.testing.assert_allclose(found, want, rtol=1e-13)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("shift", [1e-3, 1e-4])
def test_a_small_miscalibration_keeps_its_digits(score, shift):
    """Of S - R in float32 nothing would be left: S is 0.6, MCB 1e-8."""
    labels = np.linspace(0.2, 0.8, N, dtype=np.float32)
    probs = (labels + np.float32(shift)).astype(np.float32)
    miscalibration = found_for(labels, probs=probs, score=score, dtype=np.float32)[1]
    y, p = labels.astype(np.float64), probs.astype(np.float64)
    kl = rel_entr(y, p) + rel_entr(1 - y, 1 - p) - (y - p) - (p - y)
    want = np.mean(kl if score == "log" else (p - y) ** 2)
    np.testing.assert_allclose(miscalibration, want, rtol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_float32_is_close_to_float64(score):
    for seed in range(4):
        labels, probs, weights = data(seed)
        probs = probs.astype(np.float32)
        found = found_for(labels, probs=probs, weights=weights, score=score, dtype=np.float32)
        want = by_differences(labels, probs.astype(np.float64), weights, score)
        np.testing.assert_allclose(found, want, rtol=1e-5)


def test_a_certain_wrong_prediction_costs_everything_and_the_rest_stays_finite():
    labels = np.array([0, 1, 0, 1, 1])
    wrong = np.array([0.0, 0.0, 0.3, 0.6, 1.0])
    for dtype in (np.float32, np.float64):
        found = found_for(labels, probs=wrong, dtype=dtype)
        assert np.isposinf(found[:2]).all()
        honest = found_for(labels, probs=wrong.clip(0.1, 0.9), dtype=dtype)
        np.testing.assert_allclose(found[2:], honest[2:], rtol=1e-6)
        absent = found_for(labels, probs=wrong, weights=[1, 0, 1, 1, 1], dtype=dtype)
        assert np.isfinite(absent).all()
    right = found_for(labels, logits=np.array([-np.inf, 1.0, 0.0, 2.0, np.inf]))
    assert np.isfinite(right).all()


@pytest.mark.parametrize(("dtype", "far"), [(np.float32, 110.0), (np.float64, 800.0)])
def test_where_probabilities_round_to_0_miscalibration_is_finite(dtype, far):
    labels, logits = np.array([1, 0, 1]), np.array([-far, 1 - far, 3])
    of_model = (far + np.logaddexp(0, -3)) / 3
    entropy = -xlogy(2 / 3, 2 / 3) - xlogy(1 / 3, 1 / 3)
    of_fit = 2 / 3 * np.log(2)  # the first two are pooled
    want = [of_model, of_model - of_fit, entropy - of_fit, entropy]
    for sign in (1, -1):
        found = found_for(labels if sign == 1 else 1 - labels, logits=sign * logits, dtype=dtype)
        np.testing.assert_allclose(found, want, rtol=4 * np.finfo(dtype).eps)
    slope = jax.grad(lambda x: corp_decomposition(labels, logits=x).miscalibration)
    with jax.enable_x64(dtype == np.float64):
        got = slope(logits.astype(dtype))
    np.testing.assert_allclose(got, (expit(logits) - labels) / 3, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels", "probs", "want"),
    [
        ([1], [0.75], ["S", "S", 0, 0]),
        ([1, 1, 1], [0.25, 0.5, 0.75], ["S", "S", 0, 0]),
        ([0, 1, 1, 0], [0.5] * 4, ["S", 0, 0, "S"]),
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], ["S", "S", "U", "U"]),
        ([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.9], ["S", "S - U", 0, "U"]),
    ],
    ids=["one example", "one class", "one probability", "perfect ranking", "reverse ranking"],
)
def test_edges(score, labels, probs, want):
    labels, probs = np.array(labels, np.float64), np.array(probs)
    values = {"S": np.mean(SCORES[score](probs, labels))}
    values["U"] = np.mean(SCORES[score](np.full_like(probs, labels.mean()), labels))
    values["S - U"] = values["S"] - values["U"]
    found = found_for(labels, probs=probs, score=score)
    np.testing.assert_allclose(found, [values.get(w, w) for w in want], rtol=0, atol=1e-15)


def test_the_gradient_of_miscalibration_is_that_of_the_loss():
    labels, probs, weights = data(1)
    logits = np.log(probs) - np.log1p(-probs) + np.linspace(0, 1e-3, N)  # no ties

    @jax.jit
    @jax.grad
    def slopes_of(scores):
        log = compiled(labels, weights, "log", logits=scores["logits"])
        brier = compiled(labels, weights, "brier", probs=scores["probs"])
        return log.miscalibration + brier.miscalibration

    with jax.enable_x64(True):
        slopes = slopes_of({"logits": logits, "probs": expit(logits)})
    want = weights * (expit(logits) - labels) / weights.sum()
    np.testing.assert_allclose(slopes["logits"], want, rtol=0, atol=1e-15)
    np.testing.assert_allclose(slopes["probs"], 2 * want, rtol=0, atol=1e-15)


def test_derivatives_in_labels_and_weights_are_those_of_the_isotonic_fit():
    labels, probs, weights = data(1, hard=False)
    probs = probs + np.linspace(0, 1e-4, N)  # no ties
    directions, step = np.random.default_rng(5).normal(size=(2, N)), 1e-7
    start = (labels, weights + 0.5)

    def parts(labels, weights):
        found = compiled(labels, weights, "log", probs=probs)
        return jnp.stack(found[1:4])

    @jax.jit
    def slopes(start, direction):
        back = jax.jacrev(parts, (0, 1))(*start)
        forth = jax.jvp(parts, start, direction)[1]
        return forth, sum(each @ along for each, along in zip(back, direction, strict=True))

    with jax.enable_x64(True):
        for moves in np.eye(2):  # labels, then weights
            direction = tuple(directions * moves[:, None])
            forth, back = slopes(start, direction)
            ends = [
                np.array(
                    parts(*(x + sign * step * d for x, d in zip(start, direction, strict=True)))
                )
                for sign in (1, -1)
            ]
            np.testing.assert_allclose(
                forth, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8
            )
            np.testing.assert_allclose(forth, back, rtol=1e-11, atol=1e-15)


def test_what_a_calibrated_model_shows_is_taken_off():
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 1.5, 400).astype(np.float32)
    labels = (rng.uniform(size=400) < expit(logits)).astype(np.float32)
    run = jax.jit(lambda x: corp_decomposition(labels, logits=x, key=KEY, n_simulations=99))
    honest, proud = run(logits), run(3 * logits)
    assert honest.p_value > 0.05
    assert abs(honest.corrected_miscalibration) < honest.null_miscalibration
    assert np.isclose(proud.p_value, 0.01)
    assert proud.corrected_miscalibration > 0.5 * proud.miscalibration
    np.testing.assert_allclose(
        proud.corrected_miscalibration,
        proud.miscalibration - proud.null_miscalibration,
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([1, 0], {"score": "logloss"}, r"score 'logloss' is not one of \['brier', 'log'\]"),
        ([1, 0.5], {"key": KEY}, "labels must be 0 or 1 here, found the soft label 0.5"),
        ([1, 2], {}, "labels"),
    ],
)
def test_bad_input_is_one_clear_line(labels, options, message):
    with pytest.raises(ValueError, match=message):
        corp_decomposition(labels, probs=[0.5, 0.5], **options)


def test_where_nothing_counts_all_is_nan():
    assert np.isnan(found_for([1, 0], probs=[0.5, 0.2], weights=[0, 0])).all()


@pytest.mark.parametrize("absent", [{"where": [True] * 4 + [False]}, {"weights": [1, 1, 1, 1, 0]}])
@pytest.mark.parametrize("prob", [0.0, 0.5])
def test_an_absent_example_that_is_certain_changes_nothing(absent, prob):
    """It lies in a block of others, whose first score it is not."""
    want = corp_decomposition([1, 1, 0, 0], probs=[0.1, 0.2, 0.7, 0.9])
    found = corp_decomposition([1, 1, 0, 0, 1], probs=[0.1, 0.2, 0.7, 0.9, prob], **absent)
    np.testing.assert_allclose(found[:4], want[:4], rtol=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_with_values_there_the_blocks_are_found_on_the_host_and_are_the_same(score):
    labels, probs, weights = data(1)
    want = found_for(labels, weights=weights, probs=probs, score=score)
    with jax.enable_x64(True):
        found = corp_decomposition(labels, probs=probs, weights=weights, score=score)
    np.testing.assert_allclose(found[:4], want, rtol=1e-14, atol=1e-15)
