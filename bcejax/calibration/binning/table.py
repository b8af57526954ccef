r"""Reliability: what the labels did where the probability was p.

Probabilities fall into K bins. In bin b, with weights w,

    W_b = sum w,    mean_prob = sum w p / W_b,    mean_label = sum w y / W_b,
    gap = sum w (y - p) / W_b = mean_label - mean_prob.

Which bins there are is said in rules.py, which of them an edge belongs to in edges.py, and what
equal mass is in masses.py.

**Order and copies.** A bin's sums do not depend on the order of the examples but for rounding: they
are taken in about sqrt(n) lanes, so the error stays below 2 (max(sqrt(n), K) + 2) eps of the sum
of absolute terms. An example of weight k is k copies of it; weight 0 is absence.

References:
    A. Niculescu-Mizil and R. Caruana, Predicting good probabilities with supervised learning
    (2005).
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning.edges import place
from bcejax.calibration.binning.intervals import INTERVALS, Interval
from bcejax.calibration.binning.masses import place_by_mass
from bcejax.calibration.binning.rules import BinRule, Bins, Closed, Strategy, bin_rule, in_bins
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import Ordering
from bcejax.numerics.options import check_confidence


class ReliabilityCurve(NamedTuple):
    """One entry per bin; in an empty bin (``weights == 0``) all but the first three are nan.

    Example:
        >>> curve = reliability_curve([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=2)
        >>> curve.gap
        Array([-0.25 ,  0.375], dtype=float32)
        >>> [f"{low:.2f} to {high:.2f}" for low, high in zip(curve.lower, curve.upper)]
        ['0.00 to 0.79', '0.34 to 1.00']
    """

    edges: jax.Array  # (bins + 1,) of probability
    counts: jax.Array  # (bins,) int32, examples that count
    weights: jax.Array  # (bins,) sum of their weights
    mean_prob: jax.Array  # (bins,) weighted mean probability
    mean_label: jax.Array  # (bins,) weighted mean label
    gap: jax.Array  # (bins,) mean_label - mean_prob, with the digits that the subtraction loses
    lower: jax.Array  # (bins,) interval of the share of label 1
    upper: jax.Array  # (bins,)


class BinTable(NamedTuple):
    """The bin of each example, and where the bins lie.

    Example:
        >>> table = BinTable(jnp.array([0, 1, 1]), jnp.array([0.0, 0.5, 1.0]))
        >>> table.sums(jnp.array([1.0, 2.0, 4.0]))
        Array([1., 6.], dtype=float32)
    """

    bin_of: jax.Array  # (n,) int32
    edges: jax.Array  # (bins + 1,) of probability

    def sums(self, values: jax.Array) -> jax.Array:
        """Sums of values (n,) or (n, c) over the examples of each bin, (bins,) or (bins, c)."""
        return sums_by_bin(values, self.bin_of, len(self.edges) - 1)


def reliability_curve(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: Bins = 15,
    strategy: Strategy = "width",
    closed: Closed = "left",
    interval: Interval = "wilson",
    confidence: float = 0.95,
) -> ReliabilityCurve:
    """Mean label against mean probability, in bins.

    Works under jit, vmap and grad (the bins themselves have no derivative); all options are
    static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two. float16 and bfloat16 are
            computed with in float32.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number K of bins; "cube_root" for K = ceil(W^(1/3)), W the sum of the weights (under
            jit the arrays have length ceil(n^(1/3)), and K is at most that); or the edges, as
            probabilities that ascend from 0 to 1.
        strategy: "width" for bins of equal width; "mass" for bins of equal weight, which never
            split a tie, ``bcejax.calibration.binning.masses``.
        closed: the end that belongs to a bin, "left" or "right": the edge rule of
            ``bcejax.calibration.binning.edges``.
        interval: "wilson", "clopper_pearson" (never covers less than it says) or "jeffreys";
            ``bcejax.calibration.binning.intervals``.
        confidence: of the interval, which takes W_b as the number of trials; it means nothing
            where weights do not count copies.

    Returns:
        A ``ReliabilityCurve``. Under jit a probability or label outside [0, 1] makes the means
        it enters nan; where values can be looked at they raise instead.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, or bins that are
            neither a number nor "cube_root" nor edges.
        ValueError: shapes that differ, no example, unknown options, edges that do not ascend from
            0 to 1; and, unless traced: nan, labels or probabilities outside [0, 1], negative
            weights, nothing that counts.

    Accuracy: sums as stated above, held against float64 and against scikit-learn by
    tests/calibration/binning/test_table.py.

    Example:
        >>> curve = reliability_curve([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=2)
        >>> curve.counts, curve.mean_prob, curve.mean_label
        (Array([1, 2], dtype=int32),
         Array([0.25 , 0.625], dtype=float32),
         Array([0., 1.], dtype=float32))
    """
    rule = bin_rule(bins, strategy, closed)
    if interval not in INTERVALS:
        raise ValueError(f"interval {interval!r} is not one of {sorted(INTERVALS)}")
    check_confidence(confidence)
    given: dict[str, Any] = {"logits": logits, "probs": probs, "weights": weights, "where": where}
    return in_bins(_curve, rule, labels, interval, confidence, **given)


@functools.partial(jax.jit, static_argnames=("rule", "interval", "confidence"))
def _curve(
    examples: Examples,
    ordering: Ordering | None,
    rule: BinRule,
    interval: Interval,
    confidence: float,
) -> ReliabilityCurve:
    w, p, y = examples.weights, examples.probabilities(), examples.labels
    table = bin_table(examples, ordering, rule)
    columns = jnp.stack([w, w * p, w * y, w * examples.residuals()], axis=-1)
    weight, *sums = jnp.moveaxis(table.sums(columns), -1, 0)
    mean_prob, mean_label, gap = (_mean(each, weight) for each in sums)
    trials = jnp.where(weight == 0, 1, weight)
    lower, upper = INTERVALS[interval](mean_label, trials, confidence)
    counts = table.sums((w != 0).astype(jnp.int32))
    return ReliabilityCurve(table.edges, counts, weight, mean_prob, mean_label, gap, lower, upper)


def bin_table(examples: Examples, ordering: Ordering | None, rule: BinRule) -> BinTable:
    """The bin of each example.

    Args:
        examples: n of them.
        ordering: of their scores; None for bins of equal width.
        rule: which bins.

    Returns:
        A ``BinTable``.

    Example:
        >>> from bcejax.calibration.binning.rules import settle
        >>> from bcejax.calibration.examples import as_examples
        >>> examples = as_examples([0, 1, 1], probs=[0.25, 0.5, 0.75])
        >>> rule, ordering = settle(bin_rule(2), examples)
        >>> bin_table(examples, ordering, rule).bin_of
        Array([0, 1, 1], dtype=int32)
    """
    if ordering is None:
        return BinTable(*place(examples, rule))
    return BinTable(*place_by_mass(examples, ordering, rule))


def sums_by_bin(columns: jax.Array, index: jax.Array, bins: int) -> jax.Array:
    """Sums over the examples of each bin.

    Args:
        columns: (n,) or (n, c).
        index: (n,) bin of each example.
        bins: K.

    Returns:
        (K,) or (K, c), in the dtype of ``columns``.

    Accuracy: within 2 (max(sqrt(n), K) + 2) eps of the sum of absolute terms
    (tests/calibration/binning/test_table.py); a long sum of ones does not stop where one more is
    rounded away, at 2^24 in float32.

    Example:
        >>> sums_by_bin(jnp.array([1.0, 2.0, 4.0]), jnp.array([0, 1, 0]), 2)
        Array([5., 2.], dtype=float32)
    """
    n = len(index)
    # about sqrt(n) lanes, but no more than fill 2 n cells; a power of 2, so no index is divided
    lanes = 1 << min((math.isqrt(n - 1) + 1).bit_length(), max(1, 2 * n // bins).bit_length() - 1)
    # neighbours take turns in a few of them, so that what is added to stays in the fastest cache
    # and no addition waits for the one before it
    few = min(lanes, 16)
    stretch = (-(-n * few // lanes) - 1).bit_length()
    row = jnp.arange(n, dtype=jnp.int32)
    cell = index + bins * ((row & (few - 1)) + few * (row >> stretch))
    partial = jax.ops.segment_sum(columns, cell, lanes * bins)
    return jnp.sum(partial.reshape(lanes, bins, *columns.shape[1:]), axis=0)


def _mean(total: jax.Array, weight: jax.Array) -> jax.Array:
    """A mean; nan, with derivative 0, where there is nothing."""
    return jnp.where(weight == 0, jnp.nan, total / jnp.where(weight == 0, 1, weight))
