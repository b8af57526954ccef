"""A band around a calibration curve, and the scores it is given at."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.calibration.ordering import Ordering


class Band(NamedTuple):
    """Bounds of a curve at m ascending probabilities.

    Example:
        >>> band = Band(*jnp.array([[0.2, 0.8], [0.1, 0.5], [0.0, 0.4], [0.3, 0.7]]))
        >>> band.probs[(band.probs < band.lower) | (band.probs > band.upper)]
        Array([0.8], dtype=float32)
    """

    probs: jax.Array  # (m,) forecast probabilities
    estimate: jax.Array  # (m,) isotonic share of label 1 there
    lower: jax.Array  # (m,)
    upper: jax.Array  # (m,)


def spread_ranks(ordering: Ordering, weights: jax.Array, points: int) -> jax.Array:
    """Ranks at equal distances among the examples that count, both ends included.

    Args:
        ordering: of n examples.
        weights: (n,) theirs; 0 where one does not count.
        points: how many, at most n.

    Returns:
        (points,) int32, ascending; with repetition where fewer examples count.

    Example:
        >>> from bcejax.calibration.ordering import ascending
        >>> ordering = ascending(jnp.array([0.1, 0.2, 0.3, 0.4, 0.5]))
        >>> spread_ranks(ordering, jnp.array([1, 0, 1, 1, 1]), 3)
        Array([0, 3, 4], dtype=int32)
    """
    passed = jnp.cumsum(weights[ordering.order] != 0, dtype=jnp.int32)
    wanted = jnp.round(jnp.linspace(0, 1, points) * (passed[-1] - 1)).astype(jnp.int32)
    return jnp.searchsorted(passed, wanted + 1).astype(jnp.int32)
