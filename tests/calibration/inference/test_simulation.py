"""Tests by simulation: exact level, exact labels, p-values against enumeration."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from bcejax.calibration.inference import calibration_test
from bcejax.calibration.inference.simulation import simulate_labels
from bcejax.calibration.scores import log_score

KEY = jax.random.key(11)
N = 30


def gap(labels, *, logits=None, probs=None, weights=None):
    """|sum w (y - p)|: with equal p a lattice, full of ties."""
    probs = jax.nn.sigmoid(logits) if probs is None else probs
    return jnp.abs(jnp.sum(weights * (labels - probs)))


def squares(labels, *, logits=None, probs=None, weights=None):
    probs = jax.nn.sigmoid(logits) if probs is None else probs
    return jnp.sum(weights * (labels - probs) ** 2) / jnp.sum(weights)


def ones(labels, *, weights, **scores):
    return jnp.sum(weights * labels)


def test_the_level_is_held_with_ties():
    """Of 1000 calibrated data sets, alpha or fewer have p <= alpha."""
    logits = np.full(N, 0.3, np.float32)

    @jax.jit
    @jax.vmap
    def p_value(key):
        ours, theirs = jax.random.split(key)
        labels = simulate_labels(theirs, logits)
        return calibration_test(gap, labels, logits=logits, key=ours, n_simulations=39).p_value

    p_values = np.array(p_value(jax.random.split(KEY, 1000)))
    for alpha in (0.025, 0.1, 0.5):
        slack = 3.5 * np.sqrt(alpha * (1 - alpha) / 1000)
        assert np.mean(p_values <= alpha + 1e-6) <= alpha + slack


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_p_values_are_those_of_enumeration(alternative):
    probs, labels = np.array([0.2, 0.5, 0.6, 0.9, 0.7, 0.3]), np.array([1, 0, 1, 1, 0, 0])
    every = np.array(list(itertools.product([0, 1], repeat=6)))
    chance = np.prod(np.where(every == 1, probs, 1 - probs), axis=1)
    values = np.mean((every - probs) ** 2, axis=1)
    value = np.mean((labels - probs) ** 2)
    as_large, as_small = chance[values > value - 1e-9].sum(), chance[values < value + 1e-9].sum()
    want = {"greater": as_large, "less": as_small, "two-sided": 2 * min(as_large, as_small)}
    test = calibration_test(
        squares, labels, probs=probs, key=KEY, n_simulations=4000, alternative=alternative
    )
    assert abs(test.p_value - want[alternative]) < 4 * np.sqrt(0.25 / 4000)


def test_what_the_metric_would_be_is_the_binomial_law():
    """Also of metrics in a tree, which share the simulations."""

    def both(labels, **given):
        return {"ones": ones(labels, **given), "twice": (2 * ones(labels, **given),)}

    test = calibration_test(
        both,
        np.tile([0, 1], 50),
        probs=np.full(100, 0.3),
        key=KEY,
        n_simulations=4000,
        confidence=0.9,
    )
    law = stats.binom(100, 0.3)
    assert test.statistic["ones"] == 50
    assert np.isclose(test.p_value["ones"], 1 / 4001)
    assert abs(test.null_mean["ones"] - 30) < 4 * law.std() / np.sqrt(4000)
    assert abs(test.null_lower["ones"] - law.ppf(0.05)) <= 1
    assert abs(test.null_upper["ones"] - law.ppf(0.95)) <= 1
    assert test.null_upper["twice"][0] == 2 * test.null_upper["ones"]
    assert test.p_value["twice"][0] == test.p_value["ones"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_label_has_its_probability_to_the_last_bit(monkeypatch, dtype):
    """With 32 own bits b and 32 shared bits s it misses where b 2^32 + s < q 2^64."""
    rates = [3.3e-12, 2.0**-32, 1.7 * 2.0**-32, 0.3, 0.5]

    @jax.jit
    def simulated(high, low, logits):
        drawn = iter([jnp.full(2, high), low])
        with monkeypatch.context() as patched:
            patched.setattr(jax.random, "bits", lambda *_: next(drawn))
            return simulate_labels(KEY, logits)

    with jax.enable_x64(True):
        logits = np.array([np.log(q) - np.log1p(-q) for q in rates], dtype)
        exact = [int(q * 2.0**64) for q in np.array(jax.nn.sigmoid(logits), np.float64)]
        for offset, misses in ((-(2**41), True), (2**41, False)):
            words = [each + offset // (1 if each > 2**45 else 2**17) for each in exact]
            for logit, word in zip(logits, words, strict=True):
                high, low = (np.uint32(part) for part in divmod(word, 2**32))
                both = simulated(high, low, np.array([logit, -logit]))
                # at q = 1/2, logit 0, the likelier label is 0 by convention
                want = [misses, misses if logit == 0 else not misses]
                np.testing.assert_array_equal(both, want)


def test_labels_follow_their_probabilities():
    logits = np.array([-np.inf, -6.0, -1.0, 0.0, 2.0, np.inf], np.float32)
    draw = jax.jit(jax.vmap(lambda key: simulate_labels(key, logits)))
    draws, probs = np.array(draw(jax.random.split(KEY, 20_000))), expit(logits)
    assert np.all(np.abs(draws.mean(0) - probs) <= 4 * np.sqrt(probs * (1 - probs) / 20_000))
    covariance = np.cov(draws[:, 2:5].T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 4 * 0.25 / np.sqrt(20_000)


def test_padding_at_the_end_progress_and_jit_change_nothing():
    labels, probs = np.tile([0, 1, 1], 10), np.linspace(0.1, 0.9, N)
    run = functools.partial(calibration_test, squares, key=KEY, n_simulations=25)
    want = run(labels, probs=probs)
    calls = []
    shown = run(labels, probs=probs, progress=lambda *done: calls.append(done))
    assert calls == [(3 * i, 25) for i in range(1, 9)] + [(25, 25)]
    padded = np.append(labels, [7, 7]), np.append(probs, [5.0, np.nan])
    traced = jax.jit(lambda y, p: run(y, probs=p, where=np.arange(32) < N))(*padded)
    for other in (shown, traced):
        np.testing.assert_allclose(other, want, rtol=1e-5)


def test_what_cannot_be_judged_is_nan_or_raises_the_p_value():
    def undefined(labels, *, weights, **scores):
        count = jnp.sum(weights * labels)
        return jnp.where(count == 0, jnp.nan, count)

    @jax.jit
    def run(labels):
        return calibration_test(undefined, labels, probs=[0.1] * 3, key=KEY, n_simulations=199)

    fine = run(np.array([1, 1, 0]))
    assert fine.p_value > 0.5  # most simulations have no 1
    assert np.isnan(fine.null_mean)
    assert np.isnan(run(np.array([0, 0, 0])).p_value)


def test_an_infinite_metric_goes_further_than_any_finite_one():
    """A wrong certain answer, which no calibrated model gives."""
    run = functools.partial(calibration_test, log_score, key=KEY, n_simulations=199)
    probs = np.array([1.0, 0.5, 0.25])
    refuted, fine = run(np.array([0, 1, 0]), probs=probs), run(np.array([1, 1, 0]), probs=probs)
    assert refuted.statistic == np.inf
    assert np.isclose(refuted.p_value, 1 / 200)
    assert fine.p_value > 0.01
    assert run(np.array([0, 1, 0]), probs=probs, alternative="less").p_value == 1


def test_whole_numbers_are_taken_as_floats():
    def hits(labels, **_):
        return jnp.sum(labels == 1)

    test = calibration_test(hits, [1] * 9, probs=[0.5] * 9, key=KEY, n_simulations=99)
    assert test.statistic == 9
    assert test.p_value < 0.05
    assert 3 < test.null_mean < 6


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"labels": [1, 0.5]}, ValueError, "found the soft label 0.5"),
        ({"alternative": "larger"}, ValueError, "alternative 'larger' is not one of"),
        ({"confidence": 95}, ValueError, "confidence 95 does not lie between 0 and 1"),
        ({"n_simulations": 0}, ValueError, "n_simulations is 0; there must be 1 or more"),
        ({"n_simulations": 1e3}, TypeError, "n_simulations is 1000.0; it must be an integer"),
        ({"n_simulations": True}, TypeError, "n_simulations is True; it must be an integer"),
    ],
)
def test_bad_input_is_one_clear_line(options, error, message):
    given = {"labels": [1, 0], "probs": [0.5, 0.5], "key": KEY} | options
    with pytest.raises(error, match=message):
        calibration_test(squares, **given)


def test_traced_bad_values_give_nan():
    call = jax.jit(lambda p: calibration_test(squares, [1, 0], probs=p, key=KEY, n_simulations=9))
    assert np.isnan(np.array(call(jnp.array([0.5, 2.0])))).all()
