"""The smooth calibration error against quadrature with every image of the Gaussian."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.errors.smooth import (
    fixed_point,
    smooth_calibration_error,
    smooth_curve,
    smooth_reliability_curve,
)

GRID = 40_000  # midpoints of the quadrature
SIZE = 40  # one shape, so that each dtype compiles once


def smoothed(probs, residuals, weights, bandwidth):
    """r_s at the midpoints, in float64, by the definition."""
    t = (np.arange(GRID) + 0.5) / GRID
    total = np.zeros(GRID)
    for prob, mass in zip(probs, residuals * weights / weights.sum(), strict=True):
        for image in (2 * k + sign * prob for k in range(-6, 7) for sign in (1, -1)):
            if mass and -9 * bandwidth < image < 1 + 9 * bandwidth:
                total += mass * np.exp(-0.5 * ((t - image) / bandwidth) ** 2)
    return t, total / (bandwidth * np.sqrt(2 * np.pi))


def quadrature(probs, residuals, weights, around):
    """The fixed point, bisected within 1e-3 of a number that it must be near."""
    low, high = max(around - 1e-3, 1e-9), around + 1e-3

    def excess(s):
        return np.abs(smoothed(probs, residuals, weights, s)[1]).mean() - s

    assert excess(low) > 0 > excess(high)
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def padded(probs, labels, weights=None):
    """SIZE examples, the last of which have weight 0."""
    weights = np.ones(len(probs)) if weights is None else weights
    absent = np.zeros(SIZE - len(probs))
    return np.resize(probs, SIZE), np.resize(labels, SIZE), np.append(weights, absent)


def cases():
    rng = np.random.default_rng(0)
    p = rng.random(SIZE)
    even = np.linspace(0.05, 0.95, SIZE)
    return {
        "random": padded(p, (rng.random(SIZE) < p) * 1.0, rng.random(SIZE)),
        "certain": padded([0, 0, 1, 1, 1], [0, 1, 1, 0, 0]),
        "certain and not": padded([0, 0.2, 0.7, 1], [0.5, 0, 1, 0.25], np.array([1, 2, 3, 1])),
        # relplot 1.0.3 says 0.525: its Gaussian is cut off, and wide ones are none
        "opposites": padded([0.2, 0.8], [1, 0]),
        "one probability": padded([0.5], [0.75]),
        "tenths": padded(np.arange(11) / 10, np.arange(11) % 2),
        "small waves": padded(even, even + 0.02 * np.sin(np.arange(SIZE) / 2)),
        "smallest waves": padded(even, even + 0.002 * np.sin(np.arange(SIZE))),
    }


CASES = cases()


def both(name, dtype):
    probs, labels, weights = (each.astype(dtype) for each in CASES[name])
    with jax.enable_x64(dtype == np.float64):
        got = float(smooth_calibration_error(labels, probs=probs, weights=weights))
    probs, labels, weights = map(np.float64, (probs, labels, weights))
    return got, quadrature(probs, labels - probs, weights, got)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, np.float64) for name in CASES]
    + [(name, np.float32) for name in ("random", "opposites", "smallest waves")],
)
def test_is_the_fixed_point_by_quadrature(name, dtype):
    got, want = both(name, dtype)
    eps = np.finfo(dtype).eps
    bisected = 1e-3 / 2**16
    assert abs(got - want) <= 1 / (4 * 4096**2 * want) + 20 * eps + bisected


@functools.cache
def sample():
    rng = np.random.default_rng(1)
    logits = np.append(2 * rng.standard_normal(38), [-30, 30])
    labels = rng.random(40)
    return logits, labels, rng.random(40) + 0.5


def error(logits, labels, weights):
    return smooth_calibration_error(labels, logits=logits, weights=weights)


value_and_gradients = jax.jit(jax.value_and_grad(error, (0, 1, 2)))


def test_gradient_is_that_of_the_fixed_point():
    """In logits, labels and weights at once; by differences, and forward as in reverse."""
    with jax.enable_x64(True):
        point = tuple(jnp.asarray(each) for each in sample())
        reverse = value_and_gradients(*point)[1]
        rng = np.random.default_rng(2)
        for changed in range(3):
            way = [np.zeros(SIZE)] * 3
            way[changed] = rng.standard_normal(SIZE)
            forward = _derivative(point, tuple(way))
            np.testing.assert_allclose(forward, reverse[changed] @ way[changed], rtol=1e-10)
            ahead, behind = (
                value_and_gradients(*map(lambda at, d, s=sign: at + s * 1e-6 * d, point, way))[0]
                for sign in (1, -1)
            )
            np.testing.assert_allclose(forward, (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-9)


@jax.jit
def _derivative(point, way):
    return jax.jvp(lambda p: error(*p), [point], [way])[1]


def test_second_derivative_is_that_of_the_gradient():
    with jax.enable_x64(True):
        logits, labels, weights = map(jnp.asarray, sample())
        way = jnp.asarray(np.random.default_rng(3).standard_normal(SIZE))
        gradient = lambda x: value_and_gradients(x, labels, weights)[1][0]  # noqa: E731
        product = jax.jvp(gradient, [logits], [way])[1]
        difference = (gradient(logits + 1e-5 * way) - gradient(logits - 1e-5 * way)) / 2e-5
        np.testing.assert_allclose(product, difference, rtol=1e-3, atol=1e-7)


def test_perfect_predictions_have_error_and_gradient_zero():
    logits, labels = np.resize([-np.inf, 0, np.inf], SIZE), np.resize([0, 0.5, 1], SIZE)
    with jax.enable_x64(True):
        value, (gradient, _, _) = value_and_gradients(logits, labels, np.ones(SIZE))
    assert float(value) == 0
    assert not np.any(np.asarray(gradient))


def test_logits_keep_the_residuals_that_probabilities_lose():
    """At logit 20 a float32 probability is 1, and each right answer would look perfect."""
    got = smooth_calibration_error(np.ones(8), logits=np.full(8, 20, np.float32))
    np.testing.assert_allclose(got, 2.0611536e-09, rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_search_ends_whatever_the_residuals(seed):
    """Steps, spikes and alternations, from the widest error to the least."""
    rng = np.random.default_rng(seed)
    residuals = rng.standard_normal(4097) * rng.random(4097) ** 8 * (-1) ** np.arange(4097)
    residuals *= 10.0 ** -rng.integers(0, 5) / np.abs(residuals).sum()
    with jax.enable_x64(True):
        s, curve = _searched(residuals)
    np.testing.assert_allclose(curve.error, s, rtol=1e-12)


@jax.jit
def _searched(residuals):
    s = fixed_point(residuals)
    return s, smooth_curve(residuals, jnp.ones(4097) / 4096, s)


def curve_of(probs, labels, weights=None, **bandwidth):
    """The curve in float64, of SIZE examples."""
    probs, labels, weights = padded(probs, labels, weights)
    with jax.enable_x64(True):
        curve = smooth_reliability_curve(labels, probs=probs, weights=weights, **bandwidth)
    return type(curve)(*map(np.asarray, curve))


def test_certain_predictions_count_in_full():
    """With sigma = 0.02 relplot 1.0.3 finds 0.8047: what lies on an end is not counted in full."""
    curve = curve_of([1.0, 0.0, 1.0, 0.5], [0, 1, 0, 1], bandwidth=0.02)
    np.testing.assert_allclose(curve.error, (2 + 1 + 0.5) / 4, rtol=1e-5)


def test_curve_of_a_shift_is_a_shift():
    """Labels that are p + 0.1 everywhere: the centred form shows it to the last digits."""
    probs = np.linspace(0, 0.9, SIZE)
    curve = curve_of(probs, probs + 0.1)
    np.testing.assert_allclose(curve.error, curve.bandwidth, rtol=1e-12)
    np.testing.assert_allclose(curve.error, 0.1, rtol=1e-12)
    np.testing.assert_allclose(curve.curve, curve.grid + 0.1, atol=1e-12)
    np.testing.assert_allclose(curve.density.mean(), 1, rtol=1e-2)


def test_curve_is_unknown_where_there_are_no_examples():
    curve = curve_of([0.1, 0.1], [0, 1], bandwidth=0.01)
    known = ~np.isnan(curve.curve)
    away = np.abs(curve.grid - 0.1)
    assert known[away < 0.03].all()
    assert not known[away > 0.09].any()


def test_its_weighted_distance_from_the_diagonal_is_the_error():
    grid, values, density, _, error = curve_of(*CASES["random"])
    np.testing.assert_allclose(np.trapezoid(np.abs(values - grid) * density, grid), error)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"cells": 2.5}, TypeError, r"cells is 2\.5; it must be an integer"),
        ({"cells": 0}, ValueError, "cells is 0; there must be 1 or more"),
        ({"probs": [0.5, 85.0]}, ValueError, "percentages"),
        ({"bandwidth": -0.1}, ValueError, r"bandwidth is -0\.1; it must be finite and above 0"),
        ({"bandwidth": np.inf}, ValueError, "bandwidth is inf; it must be finite and above 0"),
        ({"bandwidth": [0.1, 0.2]}, ValueError, r"bandwidth has shape \(2,\); it must be one"),
    ],
)
def test_refuses_in_one_line(change, error, message):
    with pytest.raises(error, match=message):
        smooth_reliability_curve([0, 1], **({"probs": [0.5, 0.5]} | change))
