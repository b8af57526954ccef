"""The band of calibrated curves against scikit-learn's curves and against new data."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.inference import consistency_band
from bcejax.calibration.inference.simulation import simulate_labels

KEY = jax.random.key(8)
N = 60
RNG = np.random.default_rng(4)
LOGITS = np.round(RNG.normal(0, 1.5, N), 1).astype(np.float32)  # tied
LABELS = (RNG.uniform(size=N) < expit(LOGITS)) * 1
WEIGHTS = RNG.choice([0.5, 1.0, 2.0], N)
EVERYTHING = np.full(N, True)
run = functools.partial(consistency_band, key=KEY, n_simulations=200, confidence=0.8)


@functools.partial(jax.jit, static_argnames="points")
def compiled(labels, logits, weights, where, points=N):
    return run(labels, logits=logits, weights=weights, where=where, points=points)


@jax.jit
def simulated(keys):
    return jax.vmap(simulate_labels, (0, None))(keys, jnp.array(LOGITS))


def curve(labels):
    fit = IsotonicRegression().fit(LOGITS, labels, WEIGHTS)
    return fit.predict(np.sort(LOGITS))


def test_quantiles_of_the_isotonic_curves():
    band = compiled(LABELS, LOGITS, WEIGHTS, EVERYTHING)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(KEY, jnp.arange(200))
    curves = [curve(labels) for labels in np.array(simulated(keys))]
    want = np.quantile(curves, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(band.probs, expit(np.sort(LOGITS)), rtol=1e-5)
    np.testing.assert_allclose(band.lower, want[0], atol=1e-5)
    np.testing.assert_allclose(band.upper, want[1], atol=1e-5)
    np.testing.assert_allclose(band.estimate, curve(LABELS), atol=1e-6)


def test_new_calibrated_curves_lie_in_it_as_often_as_said():
    new = np.array(simulated(jax.random.split(jax.random.key(1), 200)))
    curves = np.array([curve(labels) for labels in new])
    band = compiled(LABELS, LOGITS, WEIGHTS, EVERYTHING)
    inside = np.mean((curves >= band.lower - 1e-6) & (curves <= band.upper + 1e-6), axis=0)
    assert 0.78 < inside.mean() < 0.93  # at the ends the curve is discrete, and often 0 or 1
    assert inside.min() > 0.68


def test_points_are_spread_over_what_counts():
    there = np.arange(N) % 3 > 0
    few = compiled(np.where(there, LABELS, 7), LOGITS, WEIGHTS, there, points=5)
    present = np.sort(LOGITS[there])
    np.testing.assert_allclose(
        few.probs, expit(present[np.round(np.linspace(0, 39, 5)).astype(int)]), rtol=1e-5
    )
    every = compiled(np.where(there, LABELS, 7), LOGITS, WEIGHTS, there)
    at = np.searchsorted(every.probs, few.probs - 1e-6)
    for ours, theirs in zip(few, every, strict=True):
        np.testing.assert_allclose(ours, theirs[at], rtol=1e-6)


def test_jit_and_progress_change_nothing():
    calls = []
    shown = run(LABELS, logits=LOGITS, weights=WEIGHTS, progress=lambda *done: calls.append(done))
    assert calls[-1] == (200, 200)
    traced = compiled(LABELS, LOGITS, WEIGHTS, EVERYTHING)
    for ours, theirs in zip(shown, traced, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 0}, "points is 0; there must be 1 or more"),
        ({"n_simulations": 0}, "n_simulations is 0; there must be 1 or more"),
        ({"confidence": 1}, "confidence 1 does not lie between 0 and 1"),
        ({"labels": [1, 0.5]}, "found the soft label 0.5"),
    ],
)
def test_bad_input_is_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        consistency_band(**({"labels": [1, 0], "probs": [0.5, 0.5], "key": KEY} | options))


def test_one_example_and_traced_bad_values():
    there = np.arange(N) == 7
    alone = compiled(np.ones_like(LABELS), 0 * LOGITS, WEIGHTS, there)
    for bound, want in ((alone.lower, 0), (alone.estimate, 1), (alone.upper, 1)):
        np.testing.assert_array_equal(bound, np.full(N, want))
    bad = compiled(LABELS + there, LOGITS, WEIGHTS, EVERYTHING)
    assert np.isnan(np.array(bad[1:])).all()
