"""Entropy and divergence: digits near the minimum, never negative, edges, derivatives."""

from functools import partial

import jax
import numpy as np
import pytest
from losses.ways import each
from reference import hard_logits, x64_for

from bcejax import bce_gradient, bce_with_logits, bernoulli_entropy, bernoulli_kl
from bcejax.analysis import exact_values, spacing, ulp_error, worst

DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan
MOST = np.finfo(np.float32).max


def labels(dtype, n=400):
    """Tiny ones, near 1/2, near 1 and between."""
    draw = np.random.default_rng(0)
    least = np.log(float(np.finfo(dtype).tiny))
    near_one = 1 - np.exp(draw.uniform(np.log(np.finfo(dtype).epsneg), 0, n))
    near_half = 0.5 + np.exp(draw.uniform(-15, -1, n)) * draw.choice([-1, 1], n)
    parts = [np.exp(draw.uniform(0.95 * least, 0, n)), draw.random(n), near_one, near_half]
    y = np.concatenate(parts).astype(dtype)
    return np.append(y[(y > 0) & (y < 1)], dtype(0.5))


def pairs(dtype, n=40):
    """Hard logits with labels 0 and 1, soft ones, tiny ones, and next to their own sigmoid."""
    draw = np.random.default_rng(1)
    x = np.repeat(hard_logits(dtype, n), 7)
    x = x[np.abs(x) < {np.float32: 80, np.float64: 690}[dtype]]
    own = 1 / (1 + np.exp(-x.astype(np.float64)))
    near = own * (1 + np.exp(draw.uniform(-14, -1, x.size)) * draw.choice([-1, 1], x.size))
    far = np.exp(draw.uniform(-60, 0, x.size))
    kinds = [0, 1, 0.3, draw.random(x.size), own, near.clip(0, 1), far]
    y = np.select([np.arange(x.size) % 7 == i for i in range(7)], kinds).astype(dtype)
    return x, y


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_entropy_within_1_ulp(dtype, jit):
    y = labels(dtype)
    with x64_for(dtype):
        got = np.asarray((jax.jit(bernoulli_entropy) if jit else bernoulli_entropy)(y))
    assert got.dtype == dtype
    assert worst(got, exact_values("entropy", 0, y), y).error <= 1


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd, jax.jacrev])
@pytest.mark.parametrize("dtype", DTYPES)
def test_entropy_gradient_within_5_ulp(dtype, derivative):
    y = labels(dtype)
    with x64_for(dtype):
        got = np.asarray(jax.jit(each(derivative(bernoulli_entropy)))(y))
    assert worst(got, exact_values("entropy_gradient", 0, y), y).error <= 5


def test_entropy_at_the_ends():
    y, entropy = np.float32([0, 1, 0.5, NAN, -1e-6, 1 + 1e-6]), jax.jit(bernoulli_entropy)
    np.testing.assert_array_equal(entropy(y), np.float32([0, 0, np.log(2)] + [NAN] * 3))
    gradient = jax.jit(each(jax.grad(bernoulli_entropy)))(y)
    np.testing.assert_array_equal(gradient, np.float32([MOST, -MOST, 0] + [NAN] * 3))
    np.testing.assert_array_equal(entropy(y)[:3], entropy(1 - y)[:3])


WORST = np.float32([[-13.777268, 3.9666576, -22.837715], [7.162716e-07, 0.98705727, 8.204304e-11]])


LEAST = {np.float32: 1e-18, np.float64: 1e-150}
OF_SIGMOID = {np.float32: 2.0**-44, np.float64: 2.0**-96}


def excess_bound(x, y, exact, dtype):
    """2 ulp, and near the minimum what an error of the gradient makes of its square."""
    size = np.abs(exact_values("gradient", x, y).float64())
    wide = x.astype(np.float64)
    terms = np.maximum((1.0 - y) / (1 + np.exp(-wide)), y / (1 + np.exp(wide)))
    share = np.where(size > 0, OF_SIGMOID[dtype] * terms / np.where(size > 0, size, 1), 0)
    return 2 * spacing(exact, dtype) + exact.float64() * share * (2 + share)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_kl_within_its_bound(dtype, jit):
    x, y = np.concatenate([pairs(dtype), WORST.astype(dtype)], axis=1)
    with x64_for(dtype):
        got = np.asarray((jax.jit(bernoulli_kl) if jit else bernoulli_kl)(x, y))
    exact = exact_values("kl", x, y)
    error = ulp_error(got, exact) * spacing(exact, dtype)
    size = exact.float64()
    fits = (size >= 10 * np.finfo(dtype).tiny) & ((y == 0) | (y > LEAST[dtype]))
    assert fits.mean() > 0.6
    ratio = np.where(fits, error / excess_bound(x, y, exact, dtype), 0)
    i = np.argmax(ratio)
    assert ratio[i] <= 1, f"{got[i]!r}, not {size[i]!r}, at {x[i]!r} {y[i]!r}"
    assert (got >= 0).all()


def test_kl_is_never_negative_and_0_only_at_the_minimum():
    x, y = pairs(np.float32, 10_000)
    got = np.asarray(jax.jit(bernoulli_kl)(x, y))
    assert (got >= 0).all()
    assert (got[np.abs(np.asarray(jax.jit(bce_gradient)(x, y))) > 1e-12] > 0).all()
    assert bernoulli_kl(0.0, 0.5) == 0


def test_kl_of_hard_labels_is_the_loss():
    x = hard_logits(np.float32, 400)
    for label in (0, 1):
        y = np.full_like(x, label)
        got, want = (np.asarray(jax.jit(f)(x, y)) for f in (bernoulli_kl, bce_with_logits))
        assert worst(got, want.astype(np.float64), x).error <= 5


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd, jax.jacrev])
def test_derivatives_of_kl(derivative):
    x, y = pairs(np.float32, 40)
    slope = jax.jit(each(derivative(bernoulli_kl)))(x, y)
    faithful = jax.jit(partial(bce_gradient, accuracy="highest"))(x, y)
    np.testing.assert_array_equal(slope, faithful)
    curvature = jax.jit(each(derivative(derivative(bernoulli_kl))))(x, y)
    assert worst(np.asarray(curvature), exact_values("hessian", x, y), x).error <= 2.5
    soft = (y > 0) & (y < 1)
    by_label = np.asarray(jax.jit(each(derivative(bernoulli_kl, 1)))(x, y))[soft]
    exact = exact_values("kl_label_gradient", x[soft], y[soft])
    unit = np.maximum(np.abs(exact.float64()), np.abs(x[soft]).astype(np.float64))
    error = ulp_error(by_label, exact) * (spacing(exact, np.float32) / spacing(unit, np.float32))
    assert error.max() <= 7


def test_kl_at_the_edges():
    x = np.repeat(np.float32([INF, -INF]), 3)
    y = np.tile(np.float32([0, 1, 0.3]), 2)
    slope = jax.grad(bernoulli_kl)
    np.testing.assert_array_equal(jax.jit(bernoulli_kl)(x, y), [INF, 0, INF, 0, INF, INF])
    for order, f in enumerate((bernoulli_kl, slope), 1):
        tangent = jax.jit(lambda x, y, f=f: jax.jvp(each(f), (x, y), (0 * y, 0 * y))[1])(x, y)
        np.testing.assert_array_equal(tangent, 0 * y, f"order {order}")
    np.testing.assert_array_equal(jax.jit(each(slope))(x, y), jax.jit(bce_gradient)(x, y))
    in_label = jax.jit(each(jax.grad(bernoulli_kl, 1)))(x, y)
    np.testing.assert_array_equal(in_label, np.float32([-MOST, 0, -MOST, 0, MOST, MOST]))


@pytest.mark.parametrize(("x", "y"), [(NAN, 0.5), (NAN, 0), (1, NAN), (1, 2), (1, -1), (INF, 2)])
def test_nan_gives_nan(x, y):
    x, y = np.float32(x), np.float32(y)
    assert np.isnan(bernoulli_kl(x, y))
    assert np.isnan(jax.grad(bernoulli_kl)(x, y))
    assert np.isnan(jax.grad(bernoulli_kl, 1)(x, y))


def test_kl_is_loss_less_entropy_where_that_keeps_its_digits():
    x, y = np.float32([5, -5, 0.5, 30]), np.float32([0.2, 0.7, 0.5, 0.999])
    want = jax.jit(bce_with_logits)(x, y) - jax.jit(bernoulli_entropy)(y)
    np.testing.assert_allclose(jax.jit(bernoulli_kl)(x, y), want, rtol=2e-5)
