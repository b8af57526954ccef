"""The logistic function in pairs against the oracle's arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits, x64_for

from bcejax.analysis import settle
from bcejax.numerics import (
    Pair,
    Scaled,
    artanh_rest,
    twofold_log,
    twofold_log1p_exp,
    twofold_unlikely,
)

DTYPES = [np.float32, np.float64]


def lost(got, points, exact):
    """The largest relative error of (high + low) * scale, from an mpmath function of the points.

    A point is a number or several, of which the function gets the exact sum.
    """
    errors = []
    for point, *parts in zip(np.asarray(points, np.float64), *map(np.asarray, got), strict=True):
        high, low, scale = map(float, parts)
        terms = np.atleast_1d(point).tolist()

        def difference(mp, terms=terms, high=high, low=low, scale=scale):
            truth = exact(mp, mp.fsum(terms)) / mp.mpf(scale)
            return [truth, -mp.mpf(high), -mp.mpf(low)]

        errors.append(abs(float(settle(difference)) / high))
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
    x = np.append(np.abs(hard_logits(dtype, 1500)), dtype(37.77367))  # one where pairs count
    with x64_for(dtype):
        got = (jax.jit(twofold_log1p_exp) if jit else twofold_log1p_exp)(jnp.asarray(x))
    assert lost(got, x, lambda mp, x: mp.log1p(mp.exp(-x))) <= bound


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.0**-25), (np.float64, 2.0**-54)])
def test_log_has_more_digits_than_its_dtype(dtype, bound, jit):
    draw = np.random.default_rng(0)
    near_one = 1 + draw.normal(size=300) * 10.0 ** -draw.uniform(0.5, 7, 300)
    spread = np.exp(draw.uniform(-80, 80, 300))
    high = np.concatenate([near_one[near_one > 0], spread, [1, 2**0.5, 0.5**0.5]]).astype(dtype)
    low = (np.spacing(high) * draw.uniform(-0.5, 0.5, high.size)).astype(dtype)

    def f(high, low):
        return Scaled(*twofold_log(Pair(high, low)), jnp.ones_like(high))

    with x64_for(dtype):
        got = (jax.jit(f) if jit else f)(jnp.asarray(high), jnp.asarray(low))
    points = np.stack([high, low], axis=1)
    assert lost(got, points, lambda mp, x: mp.log(x)) <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_edges(dtype):
    with x64_for(dtype):
        x = jnp.array([np.inf, -np.inf, np.nan, 0.0], dtype)
        q, bump = twofold_unlikely(x).pair(), twofold_log1p_exp(jnp.abs(x)).pair()
        np.testing.assert_array_equal(q.high + q.low, [0, 0, np.nan, 0.5])
        log2 = np.log(np.array(2, dtype))
        np.testing.assert_array_equal(bump.high + bump.low, [0, 0, np.nan, log2])


def test_artanh_rest_is_as_many_terms_of_its_series():
    """Where they are large, so that the last one counts."""
    with x64_for(np.float64):
        for terms in (1, 2, 5):
            got = jax.jit(artanh_rest, static_argnums=1)(np.float64(0.5), terms)
            np.testing.assert_allclose(
                got, sum(0.5**n / (2 * n + 1) for n in range(1, terms + 1)), rtol=1e-15
            )
