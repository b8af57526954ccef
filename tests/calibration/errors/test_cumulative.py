"""Cumulative errors against a loop over tie groups, and their laws against arbitrary precision."""

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.calibration.errors.cumulative import (
    cumulative_calibration_error,
    tail_of_largest,
    tail_of_range,
)


def by_loop(labels, probs, weights):
    """(max |C|, max C - min C), C_0 = 0 included, exact sums at the ends of tie groups."""
    total, wander = math.fsum(weights), [0.0]
    for prob in sorted(set(probs)):
        up_to = probs <= prob
        wander.append(math.fsum(weights[up_to] * (labels - probs)[up_to]) / total)
    return max(map(abs, wander)), max(wander) - min(wander)


def measured(labels, probs, weights=None):
    """Of 30 examples, of which those behind the given ones have weight 0."""
    weights = np.ones(len(labels)) if weights is None else weights
    labels, probs, weights = (
        np.pad(np.float32(each), (0, 30 - len(each))) for each in (labels, probs, weights)
    )
    return cumulative_calibration_error(labels, probs=probs, weights=weights)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0, 1, 8]))
def test_statistics_are_those_of_the_loop(seed, digits):
    rng = np.random.default_rng(seed)
    probs = np.round(rng.random(30), digits).astype(np.float32)
    labels = (rng.random(30) < 0.4).astype(np.float32)
    weights = rng.integers(0, 4, 30).astype(np.float32)
    weights[0] = 1
    got = measured(labels, probs, weights)
    want = by_loop(*(each.astype(float) for each in (labels, probs, weights)))
    bound = (20 + math.log2(30)) * np.finfo(np.float32).eps
    np.testing.assert_allclose((got.kolmogorov_smirnov, got.kuiper), want, atol=bound)


def test_long_sums_keep_their_digits():
    rng = np.random.default_rng(0)
    probs = rng.random(100_000).astype(np.float32)
    labels = (rng.random(100_000) < probs).astype(np.float32)
    got = cumulative_calibration_error(labels, probs=probs)
    order = np.argsort(probs)
    wander = np.append(0, np.cumsum((labels - probs.astype(float))[order])) / 100_000
    bound = (20 + math.log2(100_000)) * np.finfo(np.float32).eps
    assert abs(got.kolmogorov_smirnov - np.abs(wander).max()) <= bound
    assert abs(got.kuiper - np.ptp(wander)) <= bound


def test_the_start_counts_and_the_order_in_a_tie_does_not():
    """MAPIE 1.6.0 says 0.2 for the first, without C_0; MCGrad 0.1.5 up to 0.25 for the second."""
    first = measured([0, 0, 1], [0.3, 0.6, 0.7])
    np.testing.assert_allclose(first.kuiper, 0.3, rtol=1e-6)
    for labels in ([0, 1, 0, 1], [1, 1, 0, 0]):
        assert measured(labels, [0.5] * 4).kuiper == 0


def exact_largest(x):
    """By the series of the complement, which never loses digits at 50 of them."""
    with mpmath.workdps(50):
        x = mpmath.mpf(float(x))
        terms = (
            (-1) ** k
            / mpmath.mpf(2 * k + 1)
            * mpmath.exp(-(((2 * k + 1) * mpmath.pi / x) ** 2) / 8)
            for k in range(60)
        )
        return float(1 - 4 / mpmath.pi * mpmath.fsum(terms))


def exact_range(x):
    with mpmath.workdps(50):
        x = mpmath.mpf(float(x))
        rates = [((k + mpmath.mpf("0.5")) * mpmath.pi) ** 2 for k in range(60)]
        terms = ((8 / x**2 + 2 / c) * mpmath.exp(-2 * c / x**2) for c in rates)
        return float(1 - mpmath.fsum(terms))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("tail", "exact"), [(tail_of_largest, exact_largest), (tail_of_range, exact_range)]
)
def test_laws_keep_their_digits_to_the_far_tail(tail, exact, dtype):
    x = np.linspace(0.2, 8, 79).astype(dtype)  # both sides of 1 and 2, where the forms meet
    with jax.enable_x64(dtype == np.float64):
        got = np.float64(jax.jit(tail)(x))
    bound = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, [exact(each) for each in x], rtol=bound)


def test_laws_at_their_ends():
    for tail in (tail_of_largest, tail_of_range):
        x = np.concatenate([[0, 1e-3], np.linspace(0.6, 6, 76), [np.inf]]).astype(np.float32)
        found = np.asarray(jax.jit(tail)(x))
        assert (*found[:2], found[-1]) == (1, 1, 0)
        assert (np.diff(found) <= 0).all()


def test_scale_is_the_deviation_of_the_last_sum_and_p_values_are_those_of_the_laws():
    logits, weights = np.float32([-3, 0, 25]), np.float32([1, 2, 1])
    found = cumulative_calibration_error([0, 1, 1], logits=logits, weights=weights)
    p = 1 / (1 + np.exp(-np.float64(logits)))
    scale = np.sqrt((weights * p * (1 - p)).sum()) / weights.sum()
    np.testing.assert_allclose(found.kuiper_scaled, found.kuiper / scale, rtol=1e-5)
    largest, spread = found.kolmogorov_smirnov / scale, found.kuiper / scale
    np.testing.assert_allclose(found.kolmogorov_smirnov_p_value, exact_largest(largest), rtol=1e-4)
    np.testing.assert_allclose(found.kuiper_p_value, exact_range(spread), rtol=1e-4)


def test_certain_models_and_soft_labels():
    right = measured([0, 1], [0.0, 1.0])
    wrong = measured([1, 1], [0.0, 1.0])
    soft = measured([0.5, 1], [0.5, 0.5])
    assert (right.kuiper, right.kuiper_p_value) == (0, 1)
    assert (wrong.kuiper, wrong.kuiper_scaled, wrong.kuiper_p_value) == (0.5, np.inf, 0)
    assert soft.kuiper == 0.25
    assert np.isnan(soft.kuiper_p_value)


def test_gradient_is_that_of_the_largest_sum():
    gradient = jax.jit(
        jax.grad(lambda p: cumulative_calibration_error(np.array([0.0, 1, 0]), probs=p).kuiper)
    )
    np.testing.assert_allclose(gradient(jnp.array([0.2, 0.4, 0.9])), [0, 0, 1 / 3], rtol=1e-6)
