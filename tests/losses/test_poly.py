"""The poly-1 loss beyond the family's table: its series, its setting."""

import jax
import numpy as np
from reference import x64_for

from bcejax import bce_with_logits, poly1_loss


def test_epsilon_is_added_to_the_first_coefficient():
    """-log p = (1 - p) + (1 - p)^2 / 2 + ..., and epsilon (1 - p) more."""
    with x64_for(np.float64):
        x = np.float64([1, 3, 5])
        miss = 1 / (1 + np.exp(x))
        got = poly1_loss(x, np.ones(3), epsilon=0.5)
    series = sum(miss**n / n for n in range(1, 80)) + 0.5 * miss
    np.testing.assert_allclose(got, series, rtol=1e-13)


def test_zero_is_the_cross_entropy_bit_for_bit():
    x = np.linspace(-90, 90, 181, dtype=np.float32)
    for y in (0.0, 1.0, 0.3):
        labels = np.full_like(x, y)
        got = jax.jit(lambda x, y: poly1_loss(x, y, epsilon=0.0))(x, labels)
        np.testing.assert_array_equal(got, jax.jit(bce_with_logits)(x, labels))


def test_epsilon_out_of_range():
    got = poly1_loss(np.zeros(2, np.float32), np.ones(2), epsilon=np.float32([-2, -1]))
    np.testing.assert_array_equal(np.isnan(got), [True, False])
