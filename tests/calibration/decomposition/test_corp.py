"""CORP against exact means around scikit-learn's isotonic regression, and against its peers."""

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
    with jax.enable_x64(True):
        found = corp_decomposition(labels, probs=probs, weights=weights, score=score)
        np.testing.assert_allclose(found[:4], want, rtol=0, atol=1e-13)
        total = found.miscalibration - found.discrimination + found.uncertainty
        np.testing.assert_allclose(found.score, total, rtol=1e-14)
        logits = np.log(probs) - np.log1p(-probs)
        again = corp_decomposition(labels, logits=logits, weights=weights, score=score)
        # the logits of equal probabilities are equal, so the order is the same
        np.testing.assert_allclose(again[:4], want, rtol=0, atol=1e-13)


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
    with jax.enable_x64(True):
        found = corp_decomposition(labels, probs=np.array(probs), weights=weights, score=score)
        np.testing.assert_allclose(found[:4], want, rtol=1e-13)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("shift", [1e-3, 1e-4])
def test_a_small_miscalibration_keeps_its_digits(score, shift):
    """Of S - R in float32 nothing would be left: S is 0.6, MCB 1e-8."""
    labels = np.linspace(0.2, 0.8, N, dtype=np.float32)
    probs = (labels + np.float32(shift)).astype(np.float32)
    with jax.enable_x64(False):
        found = corp_decomposition(labels, probs=probs, score=score)
    y, p = labels.astype(np.float64), probs.astype(np.float64)
    kl = rel_entr(y, p) + rel_entr(1 - y, 1 - p) - (y - p) - (p - y)
    want = np.mean(kl if score == "log" else (p - y) ** 2)
    np.testing.assert_allclose(found.miscalibration, want, rtol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_float32_is_close_to_float64(score):
    for seed in range(4):
        labels, probs, weights = data(seed)
        probs = probs.astype(np.float32)
        with jax.enable_x64(False):
            found = corp_decomposition(labels, probs=probs, weights=weights, score=score)
        want = by_differences(labels, probs.astype(np.float64), weights, score)
        np.testing.assert_allclose(found[:4], want, rtol=1e-5)


def test_a_certain_wrong_prediction_costs_everything_and_the_rest_stays_finite():
    labels = np.array([0, 1, 0, 1, 1])
    wrong = np.array([0.0, 0.0, 0.3, 0.6, 1.0], np.float32)
    found = corp_decomposition(labels, probs=wrong)
    assert np.isposinf(found.score)
    assert np.isposinf(found.miscalibration)
    honest = corp_decomposition(labels, probs=wrong.clip(0.1, 0.9))
    np.testing.assert_allclose(found[2:4], honest[2:4], rtol=1e-6)
    right = corp_decomposition(labels, logits=np.array([-np.inf, 1.0, 0.0, 2.0, np.inf]))
    assert np.isfinite(np.array(right[:4])).all()
    absent = corp_decomposition(labels, probs=wrong, weights=[1, 0, 1, 1, 1])
    assert np.isfinite(np.array(absent[:4])).all()


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
    with jax.enable_x64(True):
        found = corp_decomposition(labels, probs=probs, score=score)
    np.testing.assert_allclose(found[:4], [values.get(w, w) for w in want], rtol=0, atol=1e-15)


@pytest.mark.parametrize("score", SCORES)
def test_copies_absence_and_order(score):
    labels, probs, _ = data(1)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, N)
    with jax.enable_x64(True):
        found = corp_decomposition(labels, probs=probs, weights=weights, score=score)
        copies = corp_decomposition(
            labels.repeat(weights), probs=probs.repeat(weights), score=score
        )
        np.testing.assert_allclose(found[:4], copies[:4], rtol=1e-12, atol=1e-15)
        spoilt = np.where(weights == 0, np.nan, probs)
        masked = corp_decomposition(
            labels, probs=spoilt, weights=weights, where=weights != 0, score=score
        )
        np.testing.assert_allclose(found[:4], masked[:4], rtol=1e-12, atol=1e-15)
        order = rng.permutation(N)
        moved = corp_decomposition(
            labels[order], probs=probs[order], weights=weights[order], score=score
        )
        np.testing.assert_allclose(found[:4], moved[:4], rtol=1e-12, atol=1e-15)


def test_the_gradient_of_miscalibration_is_that_of_the_loss():
    labels, probs, weights = data(1)
    logits = np.log(probs) - np.log1p(-probs) + np.linspace(0, 1e-3, N)  # no ties
    with jax.enable_x64(True):
        slopes = jax.grad(
            lambda x: corp_decomposition(labels, logits=x, weights=weights).miscalibration
        )(logits)
        want = weights * (expit(logits) - labels) / weights.sum()
        np.testing.assert_allclose(slopes, want, rtol=0, atol=1e-15)
        slopes = jax.grad(
            lambda p: (
                corp_decomposition(labels, probs=p, weights=weights, score="brier").miscalibration
            )
        )(expit(logits))
        want = 2 * weights * (expit(logits) - labels) / weights.sum()
        np.testing.assert_allclose(slopes, want, rtol=0, atol=1e-15)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("argument", ["labels", "weights"])
def test_derivatives_in_labels_and_weights_are_those_of_the_isotonic_fit(score, argument):
    labels, probs, weights = data(1, hard=False)
    probs = probs + np.linspace(0, 1e-4, N)  # no ties
    rng = np.random.default_rng(5)
    direction, step = rng.normal(size=N), 1e-7
    given = {"labels": labels, "weights": weights + 0.5}

    def parts(moved):
        values = given | {argument: moved}
        found = corp_decomposition(
            values["labels"], probs=probs, weights=values["weights"], score=score
        )
        return jnp.stack(found[1:4])

    with jax.enable_x64(True):
        start = jnp.array(given[argument])
        _, slopes = jax.jvp(parts, (start,), (jnp.array(direction),))
        ends = [parts(start + sign * step * direction) for sign in (1, -1)]
        np.testing.assert_allclose(slopes, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)
        back = jax.jacrev(parts)(start) @ direction
        np.testing.assert_allclose(slopes, back, rtol=1e-11, atol=1e-15)


def test_what_a_calibrated_model_shows_is_taken_off():
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 1.5, 400)
    labels = (rng.uniform(size=400) < expit(logits)) * 1
    honest = corp_decomposition(labels, logits=logits, key=KEY, n_simulations=99)
    proud = corp_decomposition(labels, logits=3 * logits, key=KEY, n_simulations=99)
    assert honest.p_value > 0.05
    assert abs(honest.corrected_miscalibration) < honest.null_miscalibration
    assert np.isclose(proud.p_value, 0.01)
    assert proud.corrected_miscalibration > 0.5 * proud.miscalibration
    np.testing.assert_allclose(
        proud.corrected_miscalibration,
        proud.miscalibration - proud.null_miscalibration,
        rtol=1e-6,
    )


def test_jit_and_vmap_change_nothing():
    labels = np.stack([data(seed)[0] for seed in range(3)])
    _, probs, weights = data(1)

    def parts(labels, weights):
        return corp_decomposition(labels, probs=probs, weights=weights)[:4]

    with jax.enable_x64(True):
        want = np.array([parts(row, weights) for row in labels]).T
        batched = jax.jit(jax.vmap(parts, (0, None)))(jnp.array(labels), jnp.array(weights))
        np.testing.assert_allclose(batched, want, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([1, 0], {"score": "logloss"}, r"score 'logloss' is not one of \['brier', 'log'\]"),
        ([1, 0.5], {"key": KEY}, "labels must be 0 or 1 here, found the soft label 0.5"),
        ([1, 0], {"key": KEY, "n_simulations": 0}, "n_simulations is 0; there must be 1 or more"),
        ([1, 2], {}, "labels"),
    ],
)
def test_bad_input_is_one_clear_line(labels, options, message):
    with pytest.raises(ValueError, match=message):
        corp_decomposition(labels, probs=[0.5, 0.5], **options)


def test_traced_bad_values_give_nan():
    call = jax.jit(lambda y, p, w: corp_decomposition(y, probs=p, weights=w)[:4])
    good = (jnp.array([1.0, 0.0]), jnp.array([0.5, 0.2]), jnp.ones(2))
    assert np.isfinite(call(*good)).all()
    for place, bad in ((0, [1.0, 2.0]), (1, [0.5, 1.1]), (2, [1.0, -1.0]), (2, [0.0, 0.0])):
        arguments = [jnp.array(bad) if i == place else each for i, each in enumerate(good)]
        assert np.isnan(np.array(call(*arguments))).all()
