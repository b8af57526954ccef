"""The logistic function in pairs against the oracle's arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits, x64_for

from bcejax.analysis import settle
from bcejax.numerics import twofold_log1p_exp, twofold_unlikely

DTYPES = [np.float32, np.float64]


def lost(got, logits, exact):
    """The largest relative error of (high + low) * scale, from an mpmath function of the logit."""
    errors = []
    for x, *parts in zip(logits, *map(np.asarray, got), strict=True):
        high, low, scale = map(float, parts)

        def difference(mp, x=float(x), high=high, low=low, scale=scale):
            truth = exact(mp, mp.mpf(x)) / mp.mpf(scale)
            return [truth, -mp.mpf(high), -mp.mpf(low)]

        errors.append(abs(float(settle(difference))) / high)
    return max(errors)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.0**-44), (np.float64, 2.0**-97)])
def test_unlikely_has_twice_the_digits(dtype, bound, jit):
    x = hard_logits(dtype, 1500)
    with x64_for(dtype):
        got = (jax.jit(twofold_unlikely) if jit else twofold_unlikely)(jnp.asarray(x))
    assert lost(got, x, lambda mp, x: 1 / (1 + mp.exp(abs(x)))) <= bound


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.0**-26), (np.float64, 2.0**-55)])
def test_log1p_exp_has_more_digits_than_its_dtype(dtype, bound, jit):
    x = np.abs(hard_logits(dtype, 1500))
    with x64_for(dtype):
        got = (jax.jit(twofold_log1p_exp) if jit else twofold_log1p_exp)(jnp.asarray(x))
    assert lost(got, x, lambda mp, x: mp.log1p(mp.exp(-x))) <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_edges(dtype):
    with x64_for(dtype):
        x = jnp.array([np.inf, -np.inf, np.nan, 0.0], dtype)
        q, bump = twofold_unlikely(x).pair(), twofold_log1p_exp(jnp.abs(x)).pair()
        np.testing.assert_array_equal(q.high + q.low, [0, 0, np.nan, 0.5])
        log2 = np.log(np.array(2, dtype))
        np.testing.assert_array_equal(bump.high + bump.low, [0, 0, np.nan, log2])
