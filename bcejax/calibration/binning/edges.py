"""The edge rule: to which bin a probability belongs, to the last bit.

K bins of equal width have K + 1 edges. Edge k is the number k/K rounded to the dtype of the
probabilities, so that 0.3 lies on edge 3 of 10, whether 0.3 is a bfloat16, a float32 or a float64;
so is each edge that is given. With closed="left" bin b is [edge b, edge b+1), and the last bin also
holds 1; with closed="right" bin b is (edge b, edge b+1], and the first bin also holds 0. Between
edges 0 < ... < 1, probability 0 is in the first bin and 1 in the last. Logits are compared with
log(k / (K - k)), or the log-odds of a given edge, rounded to their dtype, and no probability is
formed: in float32 that would be 1 from logit 17 on, and would round the rest. -inf is in the first
bin, inf in the last.

Peers differ on the eleven probabilities k/10 in 10 bins (0.155, 0.245 or 0.300 for one data set);
here the bin of k/10 is k (left) or k - 1 (right), tests/calibration/binning/test_edges.py.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from bcejax.calibration.binning.rules import BinRule, Closed, traced_count
from bcejax.calibration.examples import Examples

FEW = 64  # so many edges are compared with faster than searched


def bin_edges(bins: int | tuple[float, ...], dtype: DTypeLike) -> np.ndarray:
    """The numbers k/K, or those given, each rounded once to a dtype.

    Args:
        bins: K, or K + 1 edges.
        dtype: of the probabilities.

    Returns:
        (K + 1,) NumPy array of that dtype.

    Example:
        >>> bin_edges(10, np.float64)[3] == 0.3, np.linspace(0, 1, 11)[3] == 0.3
        (np.True_, np.False_)
    """
    if isinstance(bins, tuple):
        return np.array(bins, np.float64).astype(dtype)
    return (np.arange(bins + 1) / bins).astype(dtype)


def logit_edges(bins: int | tuple[float, ...], dtype: DTypeLike) -> np.ndarray:
    """The inner edges as logits: log(k / (K - k)), odd about the middle to the last bit.

    Args:
        bins: K, or K + 1 edges in probability.
        dtype: of the logits.

    Returns:
        (K - 1,) NumPy array of that dtype, each number within one unit in the last place.

    Example:
        >>> logit_edges(4, np.float64)
        array([-1.09861229,  0.        ,  1.09861229])
    """
    if isinstance(bins, tuple):
        above: np.ndarray = np.array(bins[1:-1], np.float64)
        below = 1 - above
    else:
        above = np.arange(1, bins)
        below = bins - above
    # log1p keeps the digits near 1/2, where the odds are near 1
    with np.errstate(divide="ignore"):
        magnitude = np.log1p(np.abs(above - below) / np.minimum(above, below))
    return np.copysign(magnitude, above - below).astype(dtype)


def bin_index(scores: jax.Array, inner_edges: ArrayLike, closed: Closed) -> jax.Array:
    """The bin of each score, by the edge rule.

    Args:
        scores: logits or probabilities, any shape.
        inner_edges: (K - 1,), the edges between bins on the same scale and in the same dtype;
            behind the last, nan is no edge.
        closed: the end that belongs to a bin.

    Returns:
        int32 in 0..K-1, same shape.

    Example:
        >>> inner = bin_edges(10, jnp.float32)[1:-1]
        >>> bin_index(jnp.array([0.0, 0.3, 1.0]), inner, "left")
        Array([0, 3, 9], dtype=int32)
        >>> bin_index(jnp.array([0.0, 0.3, 1.0]), inner, "right")
        Array([0, 2, 9], dtype=int32)
    """
    inner = jnp.asarray(inner_edges)
    if len(inner) > FEW:
        side = "right" if closed == "left" else "left"
        found = jnp.searchsorted(inner, scores, side=side, method="scan_unrolled")
        return found.astype(jnp.int32)
    # edge by edge: compared all at once, a loop over pieces would keep a table of them
    beyond = jnp.greater_equal if closed == "left" else jnp.greater
    none = jnp.zeros(scores.shape, jnp.int32)
    return sum((beyond(scores, edge).astype(jnp.int32) for edge in inner), none)


def place(examples: Examples, rule: BinRule) -> tuple[jax.Array, jax.Array]:
    """The bin of each example between edges that depend on no score, and the edges.

    Args:
        examples: n of them.
        rule: whose strategy is "width".

    Returns:
        int32 (n,), and (K + 1,) probabilities in the working dtype.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> from bcejax.calibration.binning.rules import bin_rule
        >>> index, edges = place(as_examples([1, 0], logits=[0.0, -0.1]), bin_rule(2))
        >>> index, edges
        (Array([1, 0], dtype=int32), Array([0. , 0.5, 1. ], dtype=float32))
    """
    dtype, weights = examples.scores().dtype, examples.weights

    def inner(bins: int | tuple[float, ...]) -> np.ndarray:
        if examples.logits is None:
            return bin_edges(bins, dtype)[1:-1]
        return logit_edges(bins, dtype)

    edges = edges_of(rule, weights, lambda bins: bin_edges(bins, dtype), 1.0)
    index = bin_index(examples.scores(), edges_of(rule, weights, inner, jnp.nan), rule.closed)
    return index, edges.astype(examples.labels.dtype)


def edges_of(
    rule: BinRule,
    weights: jax.Array,
    edges: Callable[[int | tuple[float, ...]], np.ndarray],
    fill: float,
) -> jax.Array:
    """The edges for a number of bins that may depend on traced weights.

    Args:
        rule: says how many bins, or which.
        weights: (n,), of the examples.
        edges: gives them for a number of bins, or for edges that were given. On the host, because
            XLA replaces division by a constant, and the quotient is not that of the edge rule.
        fill: what stands behind the last edge, where there is more room.

    Returns:
        The edges, in the dtype of ``edges``.

    Example:
        >>> from bcejax.calibration.binning.rules import bin_rule
        >>> def edges(bins):
        ...     return bin_edges(bins, np.float32)
        >>> edges_of(bin_rule("cube_root"), jnp.array([1.0] * 8 + [0.0]), edges, 1.0)
        Array([0. , 0.5, 1. , 1. ], dtype=float32)
    """
    if rule.bins != "cube_root":
        return jnp.asarray(edges(rule.bins))
    rows = [edges(bins) for bins in range(1, rule.room(len(weights)) + 1)]
    most = len(rows[-1])
    full = [np.append(row, np.full(most - len(row), fill, row.dtype)) for row in rows]
    return jnp.asarray(np.stack(full))[traced_count(rule, weights) - 1]
