"""Wolfe's conditions on convex functions that mislead Newton's step, in both worlds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers.engines.line_search import wolfe_size
from bcejax.solvers.worlds import JAX, NUMPY

FUNCTIONS = {
    "far": (lambda t: (t - 300.0) ** 2, lambda t: 2 * (t - 300.0), lambda t: 2 + 0 * t),
    "near": (lambda t: (t - 1e-6) ** 2, lambda t: 2 * (t - 1e-6), lambda t: 2 + 0 * t),
    "wall": (
        lambda t: np.exp(30 * t) - 31 * t,
        lambda t: 30 * np.exp(30 * t) - 31,
        lambda t: 900 * np.exp(30 * t),
    ),
    "flat": (
        lambda t: np.logaddexp(0, 20 - 4 * t) + t,
        lambda t: 1 - 4 / (1 + np.exp(4 * t - 20)),
        lambda t: 16 / (2 + np.exp(4 * t - 20) + np.exp(20 - 4 * t)),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_size_is_good(name):
    value, slope, bend = FUNCTIONS[name]
    t = wolfe_size(NUMPY, lambda t: (value(t), slope(t), bend(t)), np.zeros(1))
    assert t > 0
    assert value(t) <= value(0.0) + 1e-4 * t * slope(0.0)
    assert abs(slope(t)) <= 0.9 * abs(slope(0.0))


def test_no_way_down_is_zero():
    assert wolfe_size(NUMPY, lambda t: (t + 1.0, 1.0 + 0 * t, 0.0), np.zeros(1)) == 0
    with np.errstate(all="ignore"):
        assert wolfe_size(NUMPY, lambda t: (t * np.nan, -1.0 + 0 * t, 0.0), np.zeros(1)) == 0


def test_same_size_under_vmap():
    @functools.partial(jax.jit)
    @jax.vmap
    def sizes(low):
        return wolfe_size(JAX, lambda t: ((t - low) ** 2, 2 * (t - low), 2 + 0 * t), low)

    lows = jnp.array([300.0, 0.01, 1.0], jnp.float32)
    for low, got in zip(np.float32(lows), sizes(lows), strict=True):
        want = wolfe_size(NUMPY, lambda t, low=low: ((t - low) ** 2, 2 * (t - low), 2 + 0 * t), low)
        np.testing.assert_allclose(got, want, rtol=1e-4)
