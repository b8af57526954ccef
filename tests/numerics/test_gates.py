import jax
import jax.numpy as jnp
import numpy as np

from bcejax.numerics import absorb, finite, within

MOST = float(np.finfo(np.float32).max)


def test_finite_holds_infinities_and_lets_nan_through():
    x = jnp.array([np.inf, -np.inf, np.nan, 2.0], jnp.float32)
    np.testing.assert_array_equal(finite(x), np.float32([MOST, -MOST, np.nan, 2]))
    np.testing.assert_array_equal(jax.vmap(jax.grad(finite))(x), [1, 1, 1, 1])


def test_within_forgives_rounding_only():
    eps = np.finfo(np.float32).eps
    x = jnp.array([-5 * eps, -4 * eps, 0, 1, 1 + 4 * eps, 1 + 5 * eps, np.nan], jnp.float32)
    got = within(x, 0.0, 1.0)
    np.testing.assert_array_equal(got, [np.nan, 0, 0, 1, 1, np.nan, np.nan])
    slope = jax.vmap(jax.grad(lambda v: within(v, 0.0, 1.0)))(x)
    np.testing.assert_array_equal(slope, [np.nan, 1, 1, 1, 1, np.nan, np.nan])


def test_absorb_lets_zero_win_in_value_and_derivatives():
    zero, inf = jnp.float32(0), jnp.float32(np.inf)
    assert absorb(zero, inf) == 0
    assert absorb(zero, jnp.float32(np.nan)) == 0
    assert jax.grad(absorb, 1)(zero, inf) == 0
    assert jax.grad(absorb, 0)(zero, jnp.float32(3)) == 3
    assert jax.grad(absorb, 0)(zero, inf) == MOST
    assert jax.jvp(absorb, (zero, inf), (zero, zero))[1] == 0
    assert np.isnan(absorb(jnp.float32(np.nan), zero))
