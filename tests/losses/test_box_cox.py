"""Generalised cross-entropy: its ends, its derivatives in q, its robustness."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from losses.family import box_cox, softplus
from losses.ways import each
from reference import closed_form, hard_logits, x64_for

from bcejax import bce_gradient, bce_with_logits, generalized_cross_entropy
from bcejax.analysis import extended, worst

INF, NAN = np.inf, np.nan
X = np.repeat(np.float32([-80, -30, -3, -0.5, -1e-6, 0, 0.25, 2, 20, 80]), 2)
Y = np.tile(np.float32([0, 1]), 10)


def loss(x, y, q):
    return generalized_cross_entropy(x, y, q=q)


def dense(q):
    """Logits, labels, and values and gradients in longdouble, good to 1e-17."""
    x = np.repeat(hard_logits(np.float32, 8000), 2)
    y = np.tile(np.float32([0, 1]), x.size // 2)
    toward = np.where(y == 1, x, -x).astype(np.longdouble)
    surprisal = closed_form("value", toward, 1)
    value = -np.expm1(-q * surprisal) / q
    slope = np.exp(-q * surprisal) * closed_form("gradient", toward, 1)
    return x, y, value, np.where(y == 1, slope, -slope)


@pytest.mark.parametrize("q", [0.125, 0.6875, 1.0])
def test_within_4_ulp_on_a_dense_sample(q):
    x, y, value, slope = dense(np.longdouble(q))
    got = jax.jit(lambda x, y: (loss(x, y, q), each(jax.grad(loss))(x, y, jnp.full(x.shape, q))))
    for result, exact in zip(got(x, y), (value, slope), strict=True):
        normal = np.abs(exact) >= np.finfo(np.float32).tiny
        assert worst(np.asarray(result)[normal], exact[normal], x[normal], y[normal]).error <= 4


def test_q_0_is_the_cross_entropy():
    np.testing.assert_array_equal(loss(X, Y, 0.0), jax.jit(bce_with_logits)(X, Y))
    got, want = jax.jit(each(jax.grad(loss)))(X, Y, 0 * X), np.asarray(jax.jit(bce_gradient)(X, Y))
    assert (np.abs(got - want) <= np.spacing(np.abs(want))).all()


def test_q_near_0_is_near_the_cross_entropy():
    for q in (1e-40, 1e-30, 1e-12):
        np.testing.assert_array_equal(loss(X, Y, q), loss(X, Y, 0.0))


def test_q_1_is_the_mean_absolute_error():
    p = closed_form("sigmoid", np.where(Y == 1, -X, X), 0)
    normal = p >= np.finfo(np.float32).tiny
    assert worst(np.asarray(loss(X, Y, 1.0))[normal], p[normal], X[normal]).error <= 4


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("q", [0.0, 2.0**-10, 0.5, 1.0])
def test_derivatives_in_q(q, order):
    """At q = 0 the formula of the oracle has a limit, taken beside it."""

    def derivative(x, y):
        with mpmath.workdps(120):
            at = mpmath.mpf(q) + mpmath.mpf(10) ** -35 * (q == 0)
            surprisal = softplus(mpmath.mp, mpmath.mpf(float(-x if y else x)))
            return mpmath.diff(lambda q: box_cox(q, mpmath.mp, surprisal), at, order, h="1e-40")

    f = jax.grad(loss, 2) if order == 1 else jax.grad(jax.grad(loss, 2), 2)
    got = np.asarray(jax.jit(each(f))(X, Y, np.full_like(X, q)))
    exact = extended([derivative(*point) for point in zip(X, Y, strict=True)], X.shape)
    normal = np.abs(exact.float64()) >= np.finfo(np.float32).tiny
    np.testing.assert_allclose(got[normal], exact.float64()[normal], rtol=8e-6)


def test_q_may_be_traced_and_mapped():
    q = np.linspace(0, 1, X.size, dtype=np.float32)
    want = [jax.jit(loss)(*point) for point in zip(X, Y, q, strict=True)]
    np.testing.assert_allclose(jax.jit(loss)(X, Y, q), want, rtol=3e-7)
    np.testing.assert_allclose(jax.jit(jax.vmap(loss))(X, Y, q), want, rtol=3e-7)
    np.testing.assert_array_equal(jax.jit(loss)(X, Y, 0.5), loss(X, Y, np.float32(0.5)))


def test_infinite_logits_have_finite_derivatives_in_q():
    x, y = np.float32([INF, -INF]), np.float32([0, 0])
    derivatives = jax.jit(each(jax.grad(loss, (1, 2))))
    np.testing.assert_array_equal(loss(x, y, 0.25), [4, 0])
    np.testing.assert_array_equal(derivatives(x, y, np.float32([0.25, 0.25]))[1], [-16, 0])
    for part in derivatives(x, y, np.zeros_like(x)):
        assert np.isfinite(part).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bounded_where_the_cross_entropy_is_not(dtype):
    x = np.array([30, 80, 1e30, np.finfo(dtype).max, INF], dtype)
    y = np.zeros_like(x)
    with x64_for(dtype):
        losses = np.asarray(jax.jit(lambda x: loss(x, y, 0.5))(x))
        gradients = np.asarray(jax.jit(jax.grad(lambda x: loss(x, y, 0.5).sum()))(x))
    assert (losses <= 2).all()
    assert (np.diff(gradients) <= 0).all()
    assert gradients[0] < 1e-6


def test_q_out_of_range():
    with pytest.raises(ValueError, match=r"q has shape \(3,\), which does not broadcast"):
        loss(jnp.zeros(2), jnp.zeros(2), jnp.zeros(3))
    with pytest.raises(TypeError, match="q must be real"):
        loss(0.5, 1, 1j)
    assert np.isnan(jax.jit(loss)(0.5, 1, np.float32(-0.5)))
    assert np.isnan(loss(0.5, 1, np.float32(NAN)))
