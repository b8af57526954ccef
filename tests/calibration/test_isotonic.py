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


@pytest.mark.parametrize("call", [isotonic_regression, jax.jit(isotonic_regression)])
def test_tied_and_weighted_it_is_scikit_learns(sample, call):
    labels, probs, weights = sample
    with jax.enable_x64(True):
        got = call(labels, probs=probs, weights=weights)
    peer = IsotonicRegression().fit(probs, labels, sample_weight=weights).predict(probs)
    present = weights > 0
    np.testing.assert_allclose(np.asarray(got)[present], peer[present], rtol=0, atol=1e-14)


def test_float32_stays_near_float64(sample):
    labels, probs, weights = sample
    with jax.enable_x64(True):
        wide = isotonic_regression(labels, probs=probs, weights=weights)
    with jax.enable_x64(False):
        got = isotonic_regression(labels, probs=probs.astype(np.float32), weights=weights)
    assert got.dtype == jnp.float32
    bound = 2 * (np.sqrt(len(labels)) + 4) * 2**-23
    np.testing.assert_allclose(got, wide, rtol=0, atol=bound)


def test_many_equal_weights_do_not_drift():
    """A float32 running sum of 0.1 would be off by one in a hundred after a million."""
    n = 300_000
    labels = jnp.tile(jnp.array([1.0, 0, 0, 1, 0]), n // 5)
    means = jax.jit(isotonic_means)(0.1 * labels, jnp.full(n, jnp.float32(0.1)))
    want = np.concatenate([np.full(3, 1 / 3), np.full(n - 5, 0.4), np.full(2, 0.5)])
    np.testing.assert_allclose(means, want, rtol=2 * (np.sqrt(n) + 4) * 2**-24)


FORMS = {
    "as this device does": pooled_blocks,
    "rounds, then the stack": lambda t, w: _by_rounds_and_stack(jnp.stack([t, w], axis=-1)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_trap(form):
    blocks = form(jnp.array(TRAP), jnp.ones(len(TRAP)))
    np.testing.assert_array_equal(blocks, [0, 0, 1, 2, 2, 2, 3, 4, 4, 5, 5])


@functools.cache
def compiled(form):
    return jax.jit(FORMS[form])


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=8),
    st.lists(st.integers(0, 2), min_size=8, max_size=8).filter(any),
)
def test_both_forms_are_the_minimax_formula(form, values, weights):
    values, weights = np.array(values, float), np.array(weights, float)
    blocks = np.asarray(compiled(form)(values * weights, weights))
    means = np.bincount(blocks, values * weights) / np.bincount(blocks, weights)
    present = weights > 0
    want = minimax(values[present], weights[present])
    np.testing.assert_allclose(means[blocks][present], want, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_examples(n):
    np.testing.assert_array_equal(
        isotonic_regression([1, 0][:n], probs=[0.2, 0.7][:n]), [[1], [0.5] * 2][n - 1]
    )


def test_equal_scores_get_one_value_and_shape_is_kept():
    got = isotonic_regression([[1, 0], [0, 1]], logits=[[0.0, -0.0], [np.inf, np.inf]])
    np.testing.assert_array_equal(got, np.full((2, 2), 0.5))


def test_derivatives_are_those_of_block_means(sample):
    labels, probs, weights = sample
    keep = weights > 0
    labels, probs, weights = labels[keep][:60], probs[keep][:60], weights[keep][:60]
    with jax.enable_x64(True):

        def total(y, w):
            fitted = isotonic_regression(y, probs=probs, weights=w)
            return jnp.sum(fitted**3 * jnp.cos(jnp.arange(60)))

        y, w = jnp.asarray(labels) * 0.9 + 0.05, jnp.asarray(weights)
        dy, dw = jax.grad(total, (0, 1))(y, w)
        key = jax.random.key(0)
        for i in (3, 17, 42):
            unit = jnp.zeros(60).at[i].set(1e-6)
            np.testing.assert_allclose(
                dy[i], (total(y + unit, w) - total(y - unit, w)) / 2e-6, rtol=1e-6, atol=1e-9
            )
            np.testing.assert_allclose(
                dw[i], (total(y, w + unit) - total(y, w - unit)) / 2e-6, rtol=1e-6, atol=1e-9
            )
        v = jax.random.normal(key, (60,))
        np.testing.assert_allclose(jax.jvp(total, (y, w), (v, v))[1], (dy + dw) @ v, rtol=1e-12)
        second = jax.jvp(lambda w: jax.grad(total, 1)(y, w), (w,), (v,))[1]
        by_difference = (
            jax.grad(total, 1)(y, w + 1e-6 * v) - jax.grad(total, 1)(y, w - 1e-6 * v)
        ) / 2e-6
        np.testing.assert_allclose(second, by_difference, rtol=1e-5, atol=1e-8)


def test_the_scores_have_no_derivative():
    slope = jax.grad(lambda p: isotonic_regression([0, 1, 0], probs=p).sum())
    np.testing.assert_array_equal(slope(jnp.array([0.1, 0.4, 0.6])), [0, 0, 0])


def test_vmap_is_the_loop(sample):
    labels = jnp.stack([jnp.roll(jnp.asarray(sample[0]), k) for k in range(3)])
    probs = jnp.asarray(sample[1])
    got = jax.vmap(lambda y: isotonic_regression(y, probs=probs))(labels)
    want = jnp.stack([isotonic_regression(y, probs=probs) for y in labels])
    np.testing.assert_array_equal(got, want)


def test_a_traced_value_that_cannot_be_taken_makes_all_nan():
    assert jnp.isnan(
        jax.jit(isotonic_regression)(jnp.array([0.0, 2.0, 1.0]), probs=jnp.array([0.1, 0.2, 0.3]))
    ).all()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_it_lowers_for_accelerators(platform):
    fit = jax.jit(lambda y, p: isotonic_regression(y, probs=p))
    exported = jax.export.export(fit, platforms=[platform])(jnp.ones(5), jnp.ones(5))
    assert exported.platforms == (platform,)
