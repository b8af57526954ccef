"""The probability that the label was not given, where labels are 0 or 1."""

import jax
import jax.numpy as jnp
import numpy as np
from reference import hard_logits

from bcejax.losses import miss
from bcejax.numerics import sigmoid, softplus

X = np.append(hard_logits(np.float32, 200), np.float32([np.inf, -np.inf]))
ULPS = 2.0**-22


def test_hard_labels_are_sigmoids():
    @jax.jit
    def both(x):
        ones = jnp.ones_like(x)
        functions = miss.miss, miss.rate, miss.bend, miss.logarithm
        by_label = [[f(x, y) for f in functions] for y in (ones, 0 * ones)]
        mirrored = [sigmoid(-x), -sigmoid(x), -sigmoid(-x), -softplus(x)]
        return by_label, [mirrored, [sigmoid(x), sigmoid(-x), sigmoid(x), -softplus(-x)]]

    for got, want in zip(*map(jax.tree.leaves, both(X)), strict=True):
        np.testing.assert_allclose(jnp.nan_to_num(got), jnp.nan_to_num(want), rtol=ULPS, atol=1e-38)
