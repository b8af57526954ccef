from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits, x64_for

from bcejax.analysis import settle
from bcejax.numerics import decaying_exponential

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
    assert (np.abs(low) <= 1.5 * np.spacing(high)).all()


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("dtype", "pairs", "bound"),
    [(np.float32, 2, -29), (np.float32, 7, -46), (np.float64, 2, -58), (np.float64, 11, -98)],
)
def test_pairs_bring_digits(dtype, pairs, bound, jit):
    decay = np.abs(hard_logits(dtype, 2000))
    f = partial(decaying_exponential, pairs=pairs)
    with x64_for(dtype):
        high, low, scale = map(np.asarray, (jax.jit(f) if jit else f)(jnp.asarray(decay)))
    error = [missing(*each) for each in zip(decay, high, low, scale, strict=True)]
    assert (np.abs(error) / high).max() <= 2.0**bound


@pytest.mark.parametrize("pairs", [0, 2, 11])
@pytest.mark.parametrize("dtype", DTYPES)
def test_edges(dtype, pairs):
    with x64_for(dtype):
        decay = jnp.array([0.0, np.inf, np.nan, 1e30], dtype)
        high, low, scale = jax.jit(partial(decaying_exponential, pairs=pairs))(decay)
        np.testing.assert_array_equal((high + low) * scale, [1, 0, np.nan, 0])
