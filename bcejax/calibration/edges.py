"""The edge rule: to which bin a probability belongs, to the last bit.

K bins of equal width have K + 1 edges. Edge k is the number k/K rounded to the dtype of the
probabilities, so that 0.3 lies on edge 3 of 10, whether 0.3 is a bfloat16, a float32 or a float64.
With closed="left" bin b is [edge b, edge b+1), and the last bin also holds 1; with closed="right"
bin b is (edge b, edge b+1], and the first bin also holds 0. Probability 0 is always in the first
bin and 1 in the last. Logits are compared with log(k / (K - k)), rounded to their dtype, and no
probability is formed: in float32 that would be 1 from logit 17 on, and would round the rest.
-inf is in the first bin, inf in the last.

Peers differ on the eleven probabilities k/10 in 10 bins (0.155, 0.245 or 0.300 for one data set);
here the bin of k/10 is k (left) or k - 1 (right), tests/calibration/test_edges.py.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from bcejax.calibration.examples import Examples

Closed = Literal["left", "right"]


def check_bins(bins: int, closed: str) -> None:
    """Raise for a number of bins or a side that is none.

    Args:
        bins: an integer >= 1.
        closed: "left" or "right".

    Raises:
        TypeError: bins is not an integer.
        ValueError: it is below 1, or ``closed`` is neither side.

    Example:
        >>> check_bins(15, "left")
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer):
        raise TypeError(f"bins is {bins!r}; it must be an integer")
    if bins < 1:
        raise ValueError(f"bins is {bins}; there must be 1 or more")
    if closed not in ("left", "right"):
        raise ValueError(f"closed {closed!r} is not one of 'left', 'right'")


def bin_edges(bins: int, dtype: DTypeLike) -> np.ndarray:
    """The numbers k/K, each rounded once to a dtype.

    Args:
        bins: K.
        dtype: of the probabilities.

    Returns:
        (K + 1,) NumPy array of that dtype.

    Example:
        >>> bin_edges(10, np.float64)[3] == 0.3, np.linspace(0, 1, 11)[3] == 0.3
        (np.True_, np.False_)
    """
    return (np.arange(bins + 1) / bins).astype(dtype)


def logit_edges(bins: int, dtype: DTypeLike) -> np.ndarray:
    """The inner edges as logits log(k / (K - k)), odd about the middle to the last bit.

    Args:
        bins: K.
        dtype: of the logits.

    Returns:
        (K - 1,) NumPy array of that dtype, each number within one unit in the last place.

    Example:
        >>> logit_edges(4, np.float64)
        array([-1.09861229,  0.        ,  1.09861229])
    """
    k = np.arange(1, bins)
    # log1p keeps the digits near 1/2, where k / (K - k) is near 1
    magnitude = np.log1p(np.abs(2 * k - bins) / np.minimum(k, bins - k))
    return np.copysign(magnitude, 2 * k - bins).astype(dtype)


def bin_index(scores: jax.Array, inner_edges: ArrayLike, closed: Closed) -> jax.Array:
    """The bin of each score, by the edge rule.

    Args:
        scores: logits or probabilities, any shape.
        inner_edges: (K - 1,), the edges between bins on the same scale and in the same dtype.
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
    side = "right" if closed == "left" else "left"
    return jnp.searchsorted(jnp.asarray(inner_edges), scores, side=side, method="scan_unrolled")


def place(examples: Examples, bins: int, closed: Closed) -> tuple[jax.Array, jax.Array]:
    """The bin of each example, and the edges in probability.

    Args:
        examples: n of them.
        bins: K.
        closed: the end that belongs to a bin.

    Returns:
        int32 (n,), and (K + 1,) in the working dtype.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> index, edges = place(as_examples([1, 0], logits=[0.0, -0.1]), 2, "left")
        >>> index, edges
        (Array([1, 0], dtype=int32), Array([0. , 0.5, 1. ], dtype=float32))
    """
    scores = examples.probs if examples.logits is None else examples.logits
    assert scores is not None
    edges = bin_edges(bins, scores.dtype)
    inner = edges[1:-1] if examples.logits is None else logit_edges(bins, scores.dtype)
    return bin_index(scores, inner, closed), jnp.asarray(edges).astype(examples.labels.dtype)
