import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import x64_for

from bcejax.numerics import absorb, ceiling, finite, inside, nearest, one_or_nan, within

MOST = float(np.finfo(np.float32).max)


def test_finite_holds_infinities_and_lets_nan_through():
    x = jnp.array([np.inf, -np.inf, np.nan, 2.0], jnp.float32)
    np.testing.assert_array_equal(finite(x), np.float32([MOST, -MOST, np.nan, 2]))
    np.testing.assert_array_equal(jax.vmap(jax.grad(finite))(x), [1, 1, 1, 1])


def test_nearest_is_the_edge_beyond_it_and_linear_there_too():
    x = jnp.array([-1.0, 0.25, jnp.inf, jnp.nan], jnp.float32)
    np.testing.assert_array_equal(nearest(x, 0.0, 1.0), np.float32([0, 0.25, 1, np.nan]))
    slope = jax.vmap(jax.grad(lambda v: nearest(v, 0.0, 1.0)))(x)
    np.testing.assert_array_equal(slope, [1, 1, 1, 1])


def test_within_forgives_rounding_only():
    eps = np.finfo(np.float32).eps
    x = jnp.array([-5 * eps, -4 * eps, 0, 0.25, 1, 1 + 4 * eps, 1 + 5 * eps, np.nan], jnp.float32)
    got = within(x, 0.0, 1.0)
    np.testing.assert_array_equal(got, [np.nan, 0, 0, 0.25, 1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(inside(x, 0.0, 1.0), ~np.isnan(got))
    slope = jax.vmap(jax.grad(lambda v: within(v, 0.0, 1.0)))(x)
    np.testing.assert_array_equal(slope, [np.nan, 1, 1, 1, 1, 1, np.nan, np.nan])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_or_nan_judges_as_within_does(dtype):
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    near = [edge + k * eps for edge in (0, 1) for k in range(-9, 10)]
    values = np.array([*near, tiny, -tiny, 0.3, -0.0, -1, 2, 85, np.inf, -np.inf, np.nan], dtype)
    with x64_for(dtype):
        judged = np.asarray(within(jnp.array(values), 0.0, 1.0))
        for f in (one_or_nan, jax.jit(one_or_nan)):
            want = np.where(np.isnan(judged), np.nan, 1)
            np.testing.assert_array_equal(f(jnp.array(values)), want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ceiling_tells_positive_normal_numbers(dtype):
    info = np.finfo(dtype)
    values = np.array([-np.inf, -1, -info.tiny, 0, info.tiny, 1, info.max, np.inf, np.nan], dtype)
    with x64_for(dtype):
        got = jax.jit(ceiling)(jnp.array(values))
    np.testing.assert_array_equal(got, [0] * 4 + [np.inf] * 4 + [np.nan])


def test_absorb_lets_zero_win_in_value_and_derivatives():
    zero, inf = jnp.float32(0), jnp.float32(np.inf)
    assert absorb(zero, inf) == 0
    assert np.isnan(absorb(zero, jnp.float32(np.nan)))
    assert jax.grad(absorb, 1)(zero, inf) == 0
    assert jax.grad(absorb, 0)(zero, jnp.float32(3)) == 3
    assert jax.grad(absorb, 0)(zero, inf) == MOST
    assert jax.jvp(absorb, (zero, inf), (zero, zero)) == (0, 0)
    assert jax.jvp(absorb, (zero + 2, zero + 3), (zero + 1, zero + 10)) == (6, 23)
    assert np.isnan(absorb(jnp.float32(np.nan), zero))
