r"""Reliability: what the labels did where the probability was p.

Probabilities fall into K bins of equal width. In bin b, with weights w,

    W_b = sum w,    mean_prob = sum w p / W_b,    mean_label = sum w y / W_b,
    gap = sum w (y - p) / W_b = mean_label - mean_prob.

**The edge rule.** Edge k is the number k/K rounded to the dtype of the probabilities, so that
0.3 lies on edge 3 of 10, whether 0.3 is a bfloat16, a float32 or a float64. With closed="left"
bin b is [edge b, edge b+1), and the last bin also holds 1; with closed="right" bin b is
(edge b, edge b+1], and the first bin also holds 0. Probability 0 is always in the first bin and
1 in the last. Logits are compared with log(k / (K - k)), rounded to their dtype, and no
probability is formed: in float32 that would be 1 from logit 17 on, and would round the rest.
-inf is in the first bin, inf in the last.

Peers differ on the eleven probabilities k/10 in 10 bins (0.155, 0.245 or 0.300 for one data set);
here the bin of k/10 is k (left) or k - 1 (right), tests/calibration/test_binning.py.

**Order and copies.** A bin's sums do not depend on the order of the examples but for rounding: they
are taken in about sqrt(n) blocks, so the error stays below 2 (sqrt(n) + 2) eps of the sum of
absolute terms. An example of weight k is k copies of it; weight 0 is absence.

References:
    A. Niculescu-Mizil and R. Caruana, Predicting good probabilities with supervised learning
    (2005).
    E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
"""

import functools
import math
from statistics import NormalDist
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from bcejax.calibration.examples import Examples, as_examples

Closed = Literal["left", "right"]


class ReliabilityCurve(NamedTuple):
    """One entry per bin; in an empty bin (``weights == 0``) all but the first three are nan."""

    edges: jax.Array  # (bins + 1,) of probability
    counts: jax.Array  # (bins,) int32, examples that count
    weights: jax.Array  # (bins,) sum of their weights
    mean_prob: jax.Array  # (bins,) weighted mean probability
    mean_label: jax.Array  # (bins,) weighted mean label
    gap: jax.Array  # (bins,) mean_label - mean_prob, with the digits that the subtraction loses
    lower: jax.Array  # (bins,) Wilson interval of the share of label 1
    upper: jax.Array  # (bins,)


def reliability_curve(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: int = 15,
    closed: Closed = "left",
    confidence: float = 0.95,
) -> ReliabilityCurve:
    """Mean label against mean probability, in bins of equal width.

    Works under jit, vmap and grad (the bins themselves have no derivative); bins, closed and
    confidence are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two. float16 and bfloat16 are
            computed with in float32.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number K of bins.
        closed: the end that belongs to a bin, "left" or "right": the edge rule above.
        confidence: of the Wilson interval, which takes W_b as the number of trials; it means
            nothing where weights do not count copies.

    Returns:
        A ``ReliabilityCurve``. Under jit, nan in the bin of a probability or label outside
        [0, 1]; where values can be looked at they raise instead.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, or bins that is not
            an integer.
        ValueError: shapes that differ, no example, unknown ``closed``; and, unless traced: nan,
            labels or probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: sums as stated above, held against float64 and against scikit-learn by
    tests/calibration/test_binning.py.

    Example:
        >>> curve = reliability_curve([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=2)
        >>> curve.counts, curve.mean_prob, curve.mean_label
        (Array([1, 2], dtype=int32),
         Array([0.25 , 0.625], dtype=float32),
         Array([0., 1.], dtype=float32))
    """
    check_bins(bins, closed)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} does not lie between 0 and 1")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _curve(examples, bins, closed, confidence)


@functools.partial(jax.jit, static_argnames=("bins", "closed", "confidence"))
def _curve(examples: Examples, bins: int, closed: Closed, confidence: float) -> ReliabilityCurve:
    w, p, y = examples.weights, examples.probabilities(), examples.labels
    index, edges = place(examples, bins, closed)
    columns = jnp.stack([w, w * p, w * y, w * examples.residuals()], axis=-1)
    weight, *sums = jnp.moveaxis(sums_by_bin(columns, index, bins), -1, 0)
    mean_prob, mean_label, gap = (_mean(each, weight) for each in sums)
    lower, upper = wilson_interval(mean_label, jnp.where(weight == 0, 1, weight), confidence)
    counts = jax.ops.segment_sum((w != 0).astype(jnp.int32), index, bins)
    return ReliabilityCurve(edges, counts, weight, mean_prob, mean_label, gap, lower, upper)


def wilson_interval(
    share: jax.Array, trials: jax.Array, confidence: float
) -> tuple[jax.Array, jax.Array]:
    """Where the true share lies, given an observed one.

    With z the normal quantile of (1 + confidence) / 2 and n trials, all t that satisfy
    |share - t| <= z sqrt(t (1 - t) / n).

    Args:
        share: observed shares in [0, 1], any shape.
        trials: how many trials each comes from, > 0, same shape.
        confidence: in (0, 1).

    Returns:
        Lower and upper ends, in [0, 1].

    Example:
        >>> lower, upper = wilson_interval(jnp.array(0.0), jnp.array(10.0), 0.95)
        >>> float(lower), round(float(upper), 4)
        (0.0, 0.2775)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * jnp.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    upper = (share + z**2 / (2 * trials) + spread) / (1 + z**2 / trials)
    # the two ends are the roots of a quadratic; the product of the roots does not cancel
    lower = share**2 / (1 + z**2 / trials) / upper
    return lower, jnp.minimum(upper, 1)


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
        >>> index, edges = place(as_examples([1, 0], logits=[0.0, -0.1]), 2, "left")
        >>> index, edges
        (Array([1, 0], dtype=int32), Array([0. , 0.5, 1. ], dtype=float32))
    """
    scores = examples.probs if examples.logits is None else examples.logits
    assert scores is not None
    edges = bin_edges(bins, scores.dtype)
    inner = edges[1:-1] if examples.logits is None else logit_edges(bins, scores.dtype)
    return bin_index(scores, inner, closed), jnp.asarray(edges).astype(examples.labels.dtype)


def sums_by_bin(columns: jax.Array, index: jax.Array, bins: int) -> jax.Array:
    """Sums over the examples of each bin.

    Args:
        columns: (n, c).
        index: (n,) bin of each example.
        bins: K.

    Returns:
        (K, c), in the dtype of ``columns``.

    Accuracy: within 2 (sqrt(n) + 2) eps of the sum of absolute terms
    (tests/calibration/test_binning.py); float32 sums of 1e8 ones do not stop at 2^24.

    Example:
        >>> sums_by_bin(jnp.array([[1.0], [2.0], [4.0]]), jnp.array([0, 1, 0]), 2).ravel()
        Array([5., 2.], dtype=float32)
    """
    n = len(index)
    length = math.isqrt(n - 1) + 1
    blocks = -(-n // length)
    cell = index + bins * (jnp.arange(n, dtype=jnp.int32) // length)
    partial = jax.ops.segment_sum(columns, cell, blocks * bins)
    return jnp.sum(partial.reshape(blocks, bins, -1), axis=0)


def _mean(total: jax.Array, weight: jax.Array) -> jax.Array:
    """A mean; nan, with derivative 0, where there is nothing."""
    return jnp.where(weight == 0, jnp.nan, total / jnp.where(weight == 0, 1, weight))
