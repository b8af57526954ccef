"""Debiased errors against sums over pairs, exact expectations, and a peer."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.errors import debiased_squared_error, expected_calibration_error

forms = pytest.mark.parametrize("form", ["pairs", "labels"])


def sample(n, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.7, 0.7, n)
    return (rng.random(n) < p**1.3).astype(float), p, rng.integers(0, 4, n).astype(float)


def brute_force(y, p, w, bins, form):
    """Copies instead of weights, and all pairs of them."""
    copies = np.repeat(np.arange(len(y)), w.astype(int))
    y, p = y[copies], p[copies]
    index, total, weight = np.minimum((p * bins).astype(int), bins - 1), 0.0, 0
    for b in range(bins):
        r, labels = (y - p)[index == b], y[index == b]
        m = len(r)
        if m > 1:
            pairs = (np.outer(r, r).sum() - r @ r) / (m * (m - 1))
            plain = r.mean() ** 2 - labels.var() / (m - 1)
            total, weight = total + m * (pairs if form == "pairs" else plain), weight + m
    return total / weight


@forms
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_a_sum_over_pairs(form, dtype):
    y, p, w = (each.astype(dtype) for each in sample(400))
    with jax.enable_x64(dtype == np.float64):
        got = debiased_squared_error(y, probs=p, weights=w, bins=8, form=form)
        soft = debiased_squared_error(p**2, probs=p, weights=w, bins=8, form=form)
    assert got.dtype == soft.dtype == dtype
    args = (p.astype(float), w, 8, form)
    # a difference of terms of size 1/4, each with some roundings
    assert abs(float(got) - brute_force(y.astype(float), *args)) <= 8 * np.finfo(dtype).eps
    assert abs(float(soft) - brute_force((p**2).astype(float), *args)) <= 8 * np.finfo(dtype).eps


@forms
def test_it_is_unbiased(form):
    """The expectation over all 2^9 label vectors is the mean squared gap of the true shares."""
    p = np.array([0.1, 0.1, 0.1, 0.4, 0.4, 0.4, 0.4, 0.8, 0.8])
    truth = np.array([0.3] * 3 + [0.2, 0.5, 0.6, 0.1] + [0.9, 0.7])
    labels = np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    chance = np.prod(np.where(labels == 1, truth, 1 - truth), axis=1)
    with jax.enable_x64(True):
        error = jax.vmap(lambda y: debiased_squared_error(y, probs=p, bins=3, form=form))
        expected = chance @ np.asarray(error(jnp.array(labels)))
        plug_in = jax.vmap(lambda y: expected_calibration_error(y, probs=p, bins=3, norm=2) ** 2)
        biased = chance @ np.asarray(plug_in(jnp.array(labels)))
    gaps = truth - p
    # a mean over pairs of independent, not identical, examples: products of different ones
    parts = [gaps[:3], gaps[3:7], gaps[7:]]
    pairs = sum(
        len(g) * (g.sum() ** 2 - g @ g) / (len(g) * (len(g) - 1)) for g in parts
    ) / 9  # fmt: skip
    if form == "pairs":
        np.testing.assert_allclose(expected, pairs, rtol=1e-12)
    squares = sum(len(g) * g.mean() ** 2 for g in parts) / 9
    assert abs(expected - squares) < 0.2 * abs(biased - squares)


def test_agrees_with_a_peer():
    """uncertainty-calibration 0.1.4: plugin_ce, unbiased_square_ce in ten bins of equal mass."""
    y, p, _ = sample(200, 3)
    bins = {"probs": p, "bins": 10, "strategy": "mass"}
    with jax.enable_x64(True):
        first = expected_calibration_error(y, **bins)
        second = expected_calibration_error(y, norm=2, **bins)
        square = debiased_squared_error(y, form="labels", **bins)
    np.testing.assert_allclose(first, 0.07772111112406957, rtol=1e-13)
    np.testing.assert_allclose(second, 0.09536834711621892, rtol=1e-13)
    np.testing.assert_allclose(square, 0.0018845953158901452, rtol=1e-12)


@forms
def test_a_bin_of_one_example_is_left_out(form):
    def error(*weights):
        given = {"probs": [0.1, 0.6, 0.7], "weights": np.float32(weights)}
        return debiased_squared_error([1, 0, 1], **given, bins=2, form=form)

    np.testing.assert_allclose(error(1, 1, 1), error(0, 1, 1))
    assert np.isnan(error(1, 0, 0))
    assert np.isnan(error(1, 1, 0))
    np.testing.assert_allclose(error(2, 0, 0), 0.81, rtol=1e-6)


def test_refused_values_and_options():
    error = jax.jit(lambda y: debiased_squared_error(y, probs=jnp.array([0.2, 0.3, 0.9]), bins=2))
    assert np.isnan(error(jnp.array([0.0, 1.0, 2.0])))  # even in a bin of one
    with pytest.raises(ValueError, match="form 'pair' is not one of 'pairs', 'labels'"):
        debiased_squared_error([1], probs=[0.5], form="pair")


def test_derivatives_are_finite_and_right():
    y, p, _ = sample(40)
    with jax.enable_x64(True):

        @jax.jit
        def error(t):
            return debiased_squared_error(y, probs=p * t, bins=4, weights=jnp.ones(40) + t)

        step = 1e-5
        want = (error(0.9 + step) - error(0.9 - step)) / (2 * step)
        np.testing.assert_allclose(jax.jit(jax.grad(error))(0.9), want, rtol=1e-6)
        norm_2 = jax.grad(lambda p: expected_calibration_error(y, probs=p, norm=2, debias=True))
        assert np.all(np.isfinite(jax.jit(norm_2)(p)))
        assert math.isfinite(error(1.0))
