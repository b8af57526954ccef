"""Bins of equal mass that never split a tie.

Let the examples ascend by score, let W be the sum of their weights, and C the weight up to the END
of an example's tie group, itself included.  Of K bins it falls into

    ceil(K C / W) - 1,

so that bin b holds the tie groups that end in (b W/K, (b + 1) W/K].  Examples of one score share
one bin; an example of weight k fares as k copies of it; weight 0 is absence.  A tie group heavier
than W/K leaves the bins before its own empty.

The lower edge of a bin is its least probability with closed="left"; with closed="right" it is the
greatest one below the bin.  So these edges, given as edges, make the same bins (but for a heavy
probability 0 with closed="right", which given edges put into the first bin).

C/W is compared with k/K, each rounded once. For whole weights with W < 2^24 (2^53 in float64) a
group that ends on a border is known to do so, and none is misplaced while K W < 2^24; beyond, one
that ends within a rounding of a border may fall on its other side.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.binning.edges import bin_edges, bin_index, edges_of
from bcejax.calibration.binning.rules import BinRule, Closed, traced_count
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import Ordering


def place_by_mass(
    examples: Examples, ordering: Ordering, rule: BinRule
) -> tuple[jax.Array, jax.Array]:
    """The bin of each example among bins of equal mass, and the edges.

    Args:
        examples: n of them.
        ordering: of their scores.
        rule: whose strategy is "mass".

    Returns:
        int32 (n,), and (K + 1,) probabilities in the working dtype.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> from bcejax.calibration.ordering import ascending
        >>> from bcejax.calibration.binning.rules import bin_rule
        >>> examples = as_examples([0, 1, 0, 1], probs=[0.4, 0.2, 0.2, 0.9])
        >>> place_by_mass(examples, ascending(examples.probs), bin_rule(2, "mass"))
        (Array([1, 0, 0, 1], dtype=int32), Array([0. , 0.4, 1. ], dtype=float32))
    """
    room = rule.room(len(examples.weights))
    count = traced_count(rule, examples.weights)

    def inner(bins: int | tuple[float, ...]) -> np.ndarray:
        return bin_edges(bins, examples.weights.dtype)[1:-1]

    borders = edges_of(rule, examples.weights, inner, jnp.nan)
    index = ordering.to_examples(mass_index(ordering, examples.weights, borders))
    return index, _edges(examples, index, room, count, rule.closed)


def mass_index(ordering: Ordering, weights: jax.Array, borders: ArrayLike) -> jax.Array:
    """The bin of each tie group among bins that end at given shares of the weight.

    Args:
        ordering: of the scores.
        weights: (n,), of the examples.
        borders: (K - 1,), in (0, 1), ascending; k/K for bins of equal mass. nan is none.

    Returns:
        int32 (n,) in 0..K-1.

    Example:
        >>> from bcejax.calibration.ordering import ascending
        >>> mass_index(ascending(jnp.array([0.2, 0.9, 0.9])), jnp.ones(3), jnp.array([0.5]))
        Array([0, 1, 1], dtype=int32)
    """
    reached = jnp.cumsum(lax.stop_gradient(ordering.per_group(weights)))
    # behind the barrier, or XLA multiplies by the reciprocal of the one number
    whole = lax.optimization_barrier(jnp.full_like(reached, reached[-1]))
    share = jnp.minimum(reached / whole, 1)  # running sums may round to more than the last
    return bin_index(share, jnp.asarray(borders, weights.dtype), "right")


def _edges(
    examples: Examples, index: jax.Array, room: int, count: int | jax.Array, closed: Closed
) -> jax.Array:
    p, counts = lax.stop_gradient(examples.probabilities()), examples.weights != 0
    if closed == "left":
        least = jax.ops.segment_min(jnp.where(counts, p, 1), index, room)
        lower = lax.cummin(jnp.minimum(least, 1), reverse=True)
    else:
        greatest = jax.ops.segment_max(jnp.where(counts, p, 0), index, room)
        lower = jnp.roll(lax.cummax(jnp.maximum(greatest, 0)), 1)
    position = jnp.arange(room + 1)
    edges = jnp.where(position == 0, 0, jnp.append(lower, 1))
    return jnp.where(position >= count, 1, edges)
