"""The probability that the label was not given: its logarithm and rates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import hard_logits

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
