"""The term of Kullback-Leibler divergences against arbitrary precision."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from reference import x64_for

from bcejax.numerics import kl_term

NEAR = np.logspace(-7, -0.4, 30)
RATIOS = np.concatenate([10.0 ** np.linspace(-6, 6, 49), 1 + NEAR, 1 - NEAR])


def exact_term(a, b):
    x, y = mpmath.mpf(float(a)), mpmath.mpf(float(b))
    return x * mpmath.log(x / y) - x + y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_within_8_ulp_given_the_gap(dtype):
    a = np.repeat([1e-3, 0.7, 5.0], len(RATIOS)).astype(dtype)
    b = (a * np.tile(RATIOS, 3)).astype(dtype)
    gap = (b.astype(np.longdouble) - a).astype(dtype)
    with x64_for(dtype):
        got = np.asarray(jax.jit(kl_term)(jnp.asarray(a), jnp.asarray(b), jnp.asarray(gap)))
    with mpmath.workdps(60):
        ulps = [
            float(abs(mpmath.mpf(float(each)) - exact)) / np.spacing(dtype(float(exact)))
            for each, exact in zip(got, map(exact_term, a, b), strict=True)
        ]
    assert max(ulps) < 8


def test_nothing_from_nothing():
    of_zero = kl_term(jnp.zeros(2), jnp.array([0.25, 0.0]), jnp.array([0.25, 0.0]))
    np.testing.assert_array_equal(of_zero, [0.25, 0.0])
