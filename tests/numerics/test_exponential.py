import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits, x64_for

from bcejax.analysis import settle
from bcejax.numerics import decaying_exponential
from bcejax.numerics.exponential import upper_half

DTYPES = [np.float32, np.float64]


def missing(decay, high, low, scale):
    """exp(-decay) / scale - high - low, exactly."""
    number = [float(each) for each in (decay, high, low, scale)]

    def terms(mp):
        a, *rest, s = map(mp.mpf, number)
        return [mp.exp(-a) / s, *(-each for each in rest)]

    return float(settle(terms))


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_two_parts_together_are_within_three_tenths_of_an_ulp(dtype, jit):
    decay = np.abs(hard_logits(dtype, 2000))
    with x64_for(dtype):
        f = jax.jit(decaying_exponential) if jit else decaying_exponential
        high, low, scale = map(np.asarray, f(decay))
    error = np.array([missing(*each) for each in zip(decay, high, low, scale, strict=True)])
    assert (np.abs(error) / np.spacing(high)).max() <= 0.3
    assert (np.abs(low) <= np.spacing(high)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_edges(dtype):
    with x64_for(dtype):
        decay = jnp.array([0.0, np.inf, np.nan, 1e30], dtype)
        high, low, scale = jax.jit(decaying_exponential)(decay)
        np.testing.assert_array_equal((high + low) * scale, [1, 0, np.nan, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_upper_halves_are_exact(dtype):
    a, b = hard_logits(dtype, 400)[:200], hard_logits(dtype, 400, seed=1)[:200]
    with x64_for(dtype):
        a, b = np.asarray(upper_half(jnp.asarray(a))), np.asarray(upper_half(jnp.asarray(b)))
    if dtype == np.float32:
        assert (a.astype(np.float64) * b == (a * b).astype(np.float64)).all()
    else:
        assert (a.astype(np.longdouble) * b == (a * b).astype(np.longdouble)).all()
    assert (a != 0).any()
