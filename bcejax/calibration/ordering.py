"""Examples in ascending order of their scores, with ties known as such.

Everything that sorts (equal-mass bins, isotonic regression, AUC, cumulative errors, kernels) sorts
here, by the scores alone.  So the order is one for all labels and weights: under a vmap over
labels (a simulation) or weights (a bootstrap) the sort happens once.  Examples of equal score are
a tie group, and nothing may depend on the order inside one; a statistic either sums each group
first (``group``) or reads running sums at its end (``last``).
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Ordering(NamedTuple):
    """How n examples lie in ascending order of score."""

    order: jax.Array  # (n,) int32, index of the example at each rank
    group: jax.Array  # (n,) int32, tie group at each rank: 0, 1, ..., ascending
    last: jax.Array  # (n,) bool, whether the rank is the last of its tie group

    def per_group(self, values: jax.Array) -> jax.Array:
        """Sums of values, given at the examples, over each tie group; 0 behind the last.

        Values are (n,) or (n, c), and so are the sums.

        Example:
            >>> ascending(jnp.array([0.5, 0.1, 0.5])).per_group(jnp.array([1.0, 2.0, 4.0]))
            Array([2., 5., 0.], dtype=float32)
        """
        return self.of_ranks(values[self.order])

    def of_ranks(self, values: jax.Array) -> jax.Array:
        """The same sums of values given at the ranks.

        Example:
            >>> ascending(jnp.array([0.5, 0.1, 0.5])).of_ranks(jnp.array([2.0, 1.0, 4.0]))
            Array([2., 5., 0.], dtype=float32)
        """
        # without ties, which is quickly seen, there is nothing to add up
        untied = self.group[-1] == len(self.group) - 1
        return lax.cond(untied, lambda: values, lambda: run_sums(values, self.group))

    def to_examples(self, values: jax.Array) -> jax.Array:
        """Values, given at the tie groups, at each example (n,).

        Example:
            >>> ascending(jnp.array([0.5, 0.1, 0.5])).to_examples(jnp.array([7.0, 8.0, 0.0]))
            Array([8., 7., 8.], dtype=float32)
        """
        at_ranks = values[self.group]
        return jnp.zeros_like(at_ranks).at[self.order].set(at_ranks, unique_indices=True)


def run_sums(values: jax.Array, runs: jax.Array) -> jax.Array:
    """Sums of values over runs of neighbours.

    Each run is summed in pieces of about sqrt(n), then the pieces, so that a long sum of equal
    numbers neither stops nor drifts: the error stays below 2 (sqrt(n) + 2) eps of the sum of
    absolute terms (tests/calibration/test_ordering.py).

    Args:
        values: (n,) or (n, c).
        runs: (n,) int32, the run of each: 0, 0, ..., 1, ..., ascending without a gap.

    Returns:
        The sum of each run in the shape of ``values``, 0 behind the last.

    Example:
        >>> run_sums(jnp.array([1.0, 2.0, 4.0]), jnp.array([0, 0, 1]))
        Array([3., 4., 0.], dtype=float32)
    """
    n = len(values)
    length = math.isqrt(n - 1) + 1
    # both terms ascend, so a piece ends where either of them grows
    piece = runs + lax.div(jnp.arange(n, dtype=jnp.int32), jnp.int32(length))
    pieces = n + (n - 1) // length
    of_pieces = jax.ops.segment_sum(values, piece, pieces, indices_are_sorted=True)
    run_of_piece = jnp.zeros(pieces, jnp.int32).at[piece].set(runs, indices_are_sorted=True)
    return jax.ops.segment_sum(of_pieces, run_of_piece, n)


def ascending(scores: jax.Array) -> Ordering:
    """The ordering of scores.

    Concrete scores on a CPU are sorted by NumPy on the host, traced ones and others by XLA.

    Args:
        scores: (n,) floats, nan-free.

    Returns:
        An ``Ordering``.

    Example:
        >>> ascending(jnp.array([0.5, 0.1, 0.5])).group
        Array([0, 1, 1], dtype=int32)
    """
    if on_host(scores):
        return _ascending_on_host(np.asarray(scores))
    scores = jax.lax.stop_gradient(scores)
    return with_ties(scores, jnp.argsort(scores))


def _ascending_on_host(scores: np.ndarray) -> Ordering:
    order = argsort(scores)
    in_order = scores[order]
    new = in_order[1:] != in_order[:-1]
    group = np.append(0, np.cumsum(new)).astype(np.int32)
    return Ordering(*map(jnp.asarray, (order, group, np.append(new, True))))


def on_host(arrays: Any) -> bool:
    """Whether all arrays of a pytree are there to be looked at, in the memory of a CPU.

    Example:
        >>> on_host(np.ones(2)), jax.jit(lambda x: 0 if on_host(x) else 1)(1.0)
        (True, Array(1, dtype=int32, weak_type=True))
    """

    def is_here(leaf: Any) -> bool:
        return not isinstance(leaf, jax.core.Tracer) and (
            not isinstance(leaf, jax.Array)
            or (leaf.is_fully_addressable and next(iter(leaf.devices())).platform == "cpu")
        )

    return all(map(is_here, jax.tree.leaves(arrays)))


def argsort(scores: np.ndarray) -> np.ndarray:
    """The int32 index of each rank of scores (n,), on the host.

    Up to float32 a score and its index fit into one integer, and integers are quicker to sort than
    indices by what they point to.

    Example:
        >>> argsort(np.array([0.5, 0.1, 0.7], np.float32))
        array([1, 0, 2], dtype=int32)
    """
    if scores.dtype == np.float64:
        return np.argsort(scores).astype(np.int32)
    bits = scores.astype(np.float32).view(np.int32)
    in_order = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # the bits of negative floats descend
    packed = np.sort((in_order.astype(np.int64) << 32) | np.arange(len(bits)))
    return (packed & 0xFFFFFFFF).astype(np.int32)


@jax.jit
def with_ties(scores: jax.Array, order: jax.Array) -> Ordering:
    """The ordering of scores whose order is known.

    Args:
        scores: (n,), nan-free.
        order: (n,) integers, the index of each rank.

    Returns:
        An ``Ordering``.

    Example:
        >>> with_ties(jnp.array([0.1, 0.1, 0.5]), jnp.arange(3)).last
        Array([False,  True,  True], dtype=bool)
    """
    in_order = scores[order]
    new = in_order[1:] != in_order[:-1]
    group = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.cumsum(new, dtype=jnp.int32)])
    return Ordering(order.astype(jnp.int32), group, jnp.append(new, True))
