"""Isotonic regression against scikit-learn, the minimax formula and finite changes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.isotonic import (
    _by_rounds_and_stack,
    isotonic_means,
    isotonic_regression,
    pooled_blocks,
)

# a sequence on which ports of the algorithm went wrong (scipy issue 21817)
TRAP = [1.5, 1, 4, 6, 5.7, 5, 7.8, 9, 7.5, 9.5, 9]


def minimax(values, weights):
    """g_i = max over a <= i of min over b >= i of the mean of a..b."""
    n = len(values)
    mean = {
        (a, b): np.average(values[a : b + 1], weights=weights[a : b + 1])
        for a in range(n)
        for b in range(a, n)
    }
    return [max(min(mean[a, b] for b in range(i, n)) for a in range(i + 1)) for i in range(n)]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(1)
    probs = np.round(rng.random(300), 2)
    labels = (rng.random(300) < probs).astype(float)
    weights = rng.integers(0, 4, 300).astype(float)
    return labels, probs, weights


@jax.jit
def fitted(labels, probs, where, weights):
    return isotonic_regression(labels, probs=probs, where=where, weights=weights)


def by_peer(labels, probs, weights):
    return IsotonicRegression().fit(probs, labels, sample_weight=weights).predict(probs)


def test_tied_and_weighted_it_is_scikit_learns(sample):
    labels, probs, weights = sample
    with jax.enable_x64(True):
        got = isotonic_regression(labels, probs=probs, weights=weights)
    present = weights > 0
    want = by_peer(labels, probs, weights)[present]
    np.testing.assert_allclose(np.asarray(got)[present], want, rtol=0, atol=1e-14)


def test_float32_stays_near_float64(sample):
    labels, probs, weights = (each.astype(np.float32) for each in sample)
    present = weights > 0
    with jax.enable_x64(False):
        got = fitted(labels, probs, present, weights)
    assert got.dtype == jnp.float32
    bound = 2 * (np.sqrt(len(labels)) + 4) * 2**-23
    want = by_peer(*sample)[present]
    np.testing.assert_allclose(got[present], want, rtol=0, atol=bound)


@pytest.mark.parametrize(("n", "want"), [(1, [1]), (2, [0.5, 0.5])])
def test_one_or_two_examples(sample, n, want):
    labels, probs, weights = (each.astype(np.float32) for each in sample)
    labels[:2], probs[:2], weights[:2] = (1, 0), (0.2, 0.7), 1
    with jax.enable_x64(False):
        got = fitted(labels, probs, np.arange(len(labels)) < n, weights)
    np.testing.assert_array_equal(got[:n], want)


def test_many_equal_weights_do_not_drift():
    """A float32 running sum of 0.1 would be off by one in a hundred after a million."""
    n = 300_000
    labels = np.tile(np.float32([1, 0, 0, 1, 0]), n // 5)
    tenth = np.float32(0.1)
    means = jax.jit(isotonic_means)(tenth * labels, np.full(n, tenth))
    want = np.concatenate([np.full(3, 1 / 3), np.full(n - 5, 0.4), np.full(2, 0.5)])
    np.testing.assert_allclose(means, want, rtol=2 * (np.sqrt(n) + 4) * 2**-24)


FORMS = {
    "as this device does": pooled_blocks,
    "rounds, then the stack": lambda t, w: _by_rounds_and_stack(jnp.stack([t, w], axis=-1)),
}


@functools.cache
def compiled(form):
    return jax.jit(FORMS[form])


@pytest.mark.parametrize("form", FORMS)
def test_the_trap(form):
    blocks = compiled(form)(np.float32(TRAP), np.ones(len(TRAP), np.float32))
    np.testing.assert_array_equal(blocks, [0, 0, 1, 2, 2, 2, 3, 4, 4, 5, 5])


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=len(TRAP), max_size=len(TRAP)),
    st.lists(st.integers(0, 2), min_size=len(TRAP), max_size=len(TRAP)).filter(any),
)
def test_both_forms_are_the_minimax_formula(form, values, weights):
    values, weights = np.array(values, np.float32), np.array(weights, np.float32)
    blocks = np.asarray(compiled(form)(values * weights, weights))
    means = np.bincount(blocks, values * weights) / np.bincount(blocks, weights)
    present = weights > 0
    want = minimax(values[present].astype(float), weights[present].astype(float))
    np.testing.assert_allclose(means[blocks][present], want, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-36, 1e-23, 1e23, 7e36])
def test_the_scale_of_the_weights_does_not_count(scale):
    weights = np.full(4, scale, np.float32)
    fit = jax.jit(
        lambda y, w: isotonic_regression(y, probs=np.float32([0.1, 0.3, 0.6, 0.9]), weights=w)
    )
    labels = np.float32([0, 1, 0, 1])
    np.testing.assert_array_equal(fit(labels, weights), [0, 0.5, 0.5, 1])
    slope = jax.jit(jax.grad(lambda y: fit(y, weights)[1]))(labels)
    np.testing.assert_array_equal(slope, [0, 0.5, 0.5, 0])


def test_equal_scores_get_one_value_and_shape_is_kept():
    fit = jax.jit(lambda x: isotonic_regression(np.float32([[1, 0], [0, 1]]), logits=x))
    got = fit(np.float32([[0.0, -0.0], [np.inf, np.inf]]))
    np.testing.assert_array_equal(got, np.full((2, 2), 0.5))


def test_derivatives_are_those_of_block_means(sample):
    labels, probs, weights = sample
    keep = weights > 0
    labels, probs, weights = labels[keep][:60], probs[keep][:60], weights[keep][:60]
    rng = np.random.default_rng(0)
    # no two blocks of one mean, where the derivative jumps
    start, step = (0.9 * labels + 0.1 * rng.random(60), weights), 1e-6

    def total(y, w):
        values = isotonic_regression(y, probs=probs, weights=w)
        return jnp.sum(values**3 * jnp.cos(jnp.arange(60.0)))

    @jax.jit
    def derivatives(start, direction):
        """Value and gradient, and how both change along a direction."""
        return jax.jvp(jax.value_and_grad(total, (0, 1)), start, direction)

    def moved(direction, size):
        ends = (x + size * d for x, d in zip(start, direction, strict=True))
        return derivatives(tuple(ends), direction)[0]

    with jax.enable_x64(True):
        v = rng.normal(size=(2, 60))
        for direction in [(v[0], 0 * v[0]), (0 * v[1], v[1])]:
            (_, gradient), (slope, second) = derivatives(start, direction)
            ahead, behind = moved(direction, step), moved(direction, -step)
            by_difference = (ahead[0] - behind[0]) / (2 * step)
            np.testing.assert_allclose(slope, by_difference, rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(slope, np.vdot(gradient, direction), rtol=1e-12)
            by_difference = (np.array(ahead[1]) - np.array(behind[1])) / (2 * step)
            np.testing.assert_allclose(second, by_difference, rtol=1e-5, atol=1e-7)


def test_the_scores_have_no_derivative():
    labels = np.float32([0, 1, 0])
    slope = jax.jit(jax.grad(lambda p: isotonic_regression(labels, probs=p).sum()))
    np.testing.assert_array_equal(slope(np.float32([0.1, 0.4, 0.6])), [0, 0, 0])


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_it_lowers_for_accelerators(platform):
    fit = jax.jit(lambda y, p: isotonic_regression(y, probs=p))
    exported = jax.export.export(fit, platforms=[platform])(jnp.ones(5), jnp.ones(5))
    assert exported.platforms == (platform,)
