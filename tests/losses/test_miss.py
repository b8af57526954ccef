"""The probability that the label was not given: its logarithm and rates."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits, x64_for

from bcejax.losses import miss
from bcejax.numerics import sigmoid, softplus

X = np.append(hard_logits(np.float32, 200), np.float32([np.inf, -np.inf]))
ULPS = 2.0**-22


def test_hard_labels_are_sigmoids():
    @jax.jit
    def both(x):
        ones = jnp.ones_like(x)
        functions = miss.rate, miss.bend, miss.logarithm
        by_label = [[f(x, y) for f in functions] for y in (ones, 0 * ones)]
        mirrored = [-sigmoid(x), -sigmoid(-x), -softplus(x)]
        return by_label, [mirrored, [sigmoid(-x), sigmoid(x), -softplus(-x)]]

    for got, want in zip(*map(jax.tree.leaves, both(X)), strict=True):
        np.testing.assert_allclose(jnp.nan_to_num(got), jnp.nan_to_num(want), rtol=ULPS, atol=1e-38)


@pytest.mark.parametrize("y", [0.3, 0.9999, 2.0**-20])
def test_logarithms_of_soft_labels(y):
    """Also where the label is nearly certain, and wrong."""
    x, share = X[:-2].astype(np.longdouble), np.longdouble(np.float32(y))
    rest = share / (1 + np.exp(-x)) + (1 - share) / (1 + np.exp(x))
    got = jax.jit(miss.logarithm)(X[:-2], np.full_like(X[:-2], y))
    np.testing.assert_allclose(got, np.log1p(-rest).astype(np.float64), rtol=2 * ULPS)


def test_derivatives_in_logit_and_label():
    """Of each function by its rules, against differences in float64; one program for all."""
    power = partial(miss.power, exponent=2.5)
    functions = miss.inverse, miss.logarithm, miss.rate, miss.bend, power
    x, y = np.meshgrid([-8, -2, -0.3, 0.7, 4, 15], [0.01, 0.3, 0.99])
    step = 2.0**-17
    points = [x + step * np.array([0, 1, -1, 0, 0])[:, None, None]]
    points += [y + step * np.array([0, 0, 0, 1, -1])[:, None, None]]

    @jax.jit
    def values_and_slopes(x, y):
        tangents = (jnp.ones_like(x), jnp.zeros_like(x)), (jnp.zeros_like(x), jnp.ones_like(x))
        return [(f(x, y), *(jax.jvp(f, (x, y), t)[1] for t in tangents)) for f in functions]

    with x64_for(np.float64):
        results = jax.tree.map(np.asarray, values_and_slopes(*points))
    for value, in_logit, in_label in results:
        for slope, place in ((in_logit, 1), (in_label, 3)):
            want = (value[place] - value[place + 1]) / (2 * step)
            np.testing.assert_allclose(slope[0], want, rtol=1e-5, atol=1e-7)
