r"""Venn-Abers calibration: two probabilities for each score, one of which is calibrated.

Let x be a new score.  Add the example (x, 0) to the calibration set, fit isotonic regression, and
call its value at x p0; with (x, 1) in its place, p1.  Then p0 < p1, and under exchangeability the
one that belongs to the true label is a calibrated probability.  The two become one as

    p = p1 / (1 - p0 + p1),    logit = log p1 - log(1 - p0),

which is never 0 or 1.  The cross form splits the calibration set into K folds and takes geometric
means of p1 and of 1 - p0 over the folds: its logit is the mean of their K logits.

**Tables.**  p1 depends only on which score of the set is the first one not below x, and p0 on
which is the last one not above it: a label 1 just before a score always joins its block.  So both
are computed at fit, for each distinct score, and a prediction is two searches.

**The scan.**  Draw the running weights (F, S) of labels 0 and 1 as a path.  A label 1 added at
row i shifts the path before row i down by one; p1 is the steepness of the greatest convex minorant
where it crosses from a shifted corner a <= i to a corner b > i.  From one row to the next b only
moves forward, over corners of the minorant of the plain path (the pooled blocks), and a moves to i
when the shifted path at i lies below the line from a to b.  So one pass finds all rows, O(n) in
time and memory.  p0 is the same for labels and scores reversed.

References:
    V. Vovk, I. Petej and V. Fedorova, Large-scale probabilistic predictors with and without
    guarantees of validity (2015), algorithms 1 to 4 and section 4.
"""

import dataclasses
import math
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus
from bcejax.calibration.calibrators.tables import (
    log_ratio,
    successes_and_failures,
)
from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.isotonic import pooled_blocks
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics import sigmoid, softplus
from bcejax.numerics.options import check_count


class VennAbersInterval(NamedTuple):
    """The two probabilities of label 1, p0 <= p1.

    Example:
        >>> fit = VennAbers.fit([0, 1, 0, 1], logits=[-2.0, -1.0, 1.0, 2.0])
        >>> p0, p1 = fit.interval(jnp.array([0.0, 9.0]))
        >>> [round(float(p), 3) for p in p1 / (1 - p0 + p1)]  # what fit.probs gives
        [0.5, 0.667]
    """

    p0: jax.Array  # were the label 0
    p1: jax.Array  # were the label 1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class VennAbers(Calibrator):
    """The inductive Venn-Abers predictor.

    Attributes:
        params: "scores" (n,), distinct and ascending, inf behind the last; "upper" (n + 1,), the
            logit of p1 where j scores lie below x; "lower" (n + 1,), that of p0 where j scores do
            not lie above x.
        status: always converged.

    Example:
        >>> fit = VennAbers.fit([0, 1, 0, 1], logits=[-2.0, -1.0, 1.0, 2.0])
        >>> fit.interval(jnp.array([0.0, 9.0]))
        VennAbersInterval(p0=Array([0.33333334, 0.5       ], dtype=float32),
                          p1=Array([0.6666666, 1.       ], dtype=float32))
        >>> fit.probs(logits=jnp.array([0.0, 9.0]))
        Array([0.5      , 0.6666666], dtype=float32)
    """

    @classmethod
    def fit(
        cls,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> Self:
        """The tables of p0 and p1; O(n) after the sort.

        Works under jit, and under vmap over any of the arrays (one after the other).

        Args:
            labels: numbers in [0, 1], any shape.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two; only order counts.
            weights: how often each example counts, >= 0; broadcasts to that shape. The added
                example has weight 1.
            where: whether it counts at all; broadcasts to that shape.

        Returns:
            The calibrator; its tables are nan where, under jit, a value could not be taken.

        Raises:
            TypeError: scores that are not floating, or a mask that is not boolean.
            ValueError: shapes that differ, no example; and, unless traced: nan, labels or
                probabilities outside [0, 1], negative weights, nothing that counts.

        Accuracy: p0 and p1 equal to isotonic regression with the example added, for each new
        score, to 1e-12 in float64 (tests/calibration/calibrators/test_venn_abers.py).
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        params = _tables(examples, ascending(examples.log_odds()))
        return cls(params, jnp.int32(CalibratorStatus.CONVERGED))

    def interval(self, logits: ArrayLike) -> VennAbersInterval:
        """p0 and p1.

        Args:
            logits: floats of any shape.

        Returns:
            Two arrays of that shape.
        """
        lower, upper = _looked_up(jnp.asarray(logits), **self.params)
        return VennAbersInterval(sigmoid(lower), sigmoid(upper))

    def _map(self, logits: jax.Array) -> jax.Array:
        return _merged(*_looked_up(logits, **self.params))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class CrossVennAbers(Calibrator):
    """The cross Venn-Abers predictor: K inductive ones, merged by geometric means.

    Attributes:
        params: "scores" (n,), "lower" and "upper" (K, n + 1), as of ``VennAbers``.
        status: always converged.

    Example:
        >>> x, y = jnp.array([-2.0, -1.0, 1.0, 2.0]), jnp.array([0, 1, 0, 1])
        >>> fit = CrossVennAbers.fit(y, logits=x, folds=2, fold=jnp.array([0, 1, 1, 0]))
        >>> fit.probs(logits=jnp.array([0.0, 9.0]))
        Array([0.5      , 0.6339746], dtype=float32)
    """

    @classmethod
    def fit(
        cls,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
        folds: int = 5,
        fold: ArrayLike | None = None,
        key: jax.Array | None = None,
    ) -> Self:
        """The tables of K folds.

        Args:
            labels: numbers in [0, 1], any shape.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two. Where each fold has its
                own model, trained on the others, these are the scores that an example got from
                the model that did not see it.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            folds: K >= 1.
            fold: integers 0..K-1 of the labels' shape, the fold of each example; or
            key: of a random split into folds of equal size. Exactly one of the two.

        Returns:
            The calibrator. A fold in which nothing counts answers p0 = 0, p1 = 1.

        Raises:
            TypeError, ValueError: as ``VennAbers.fit``; and for folds that are none, or neither
                or both of fold and key.
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        fold = _folds(folds, fold, key, np.shape(labels))
        params = _tables_of_folds(
            examples, ascending(examples.log_odds()), fold == jnp.arange(folds)[:, None]
        )
        return cls(params, jnp.int32(CalibratorStatus.CONVERGED))

    def across(self, logits: ArrayLike) -> jax.Array:
        """Calibrated logits of examples that K models have scored.

        Args:
            logits: (K, ...), row k from the model that did not see fold k.

        Returns:
            Logits (...).

        Raises:
            ValueError: not K rows.
        """
        logits, folds = jnp.asarray(logits), len(self.params["lower"])
        if not logits.ndim or len(logits) != folds:
            raise ValueError(f"logits have shape {logits.shape}; there must be {folds} rows")
        return jnp.mean(_merged(*self._looked_up(logits)), axis=0)

    def interval(self, logits: ArrayLike) -> VennAbersInterval:
        """Geometric means over the folds: 1 - p0 of 1 - p0, and p1 of p1.

        Args:
            logits: floats of any shape.

        Returns:
            Two arrays of that shape.
        """
        lower, upper = self._looked_up(self._repeated(jnp.asarray(logits)))
        return VennAbersInterval(
            p0=-jnp.expm1(-jnp.mean(softplus(lower), axis=0)),
            p1=jnp.exp(-jnp.mean(softplus(-upper), axis=0)),
        )

    def _map(self, logits: jax.Array) -> jax.Array:
        return self.across(self._repeated(logits))

    def _repeated(self, logits: jax.Array) -> jax.Array:
        return jnp.broadcast_to(logits, (len(self.params["lower"]), *logits.shape))

    def _looked_up(self, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
        scores, lower, upper = (self.params[name] for name in ("scores", "lower", "upper"))
        return jax.vmap(_looked_up, (0, None, 0, 0))(logits, scores, lower, upper)


@jax.jit
def _looked_up(
    logits: jax.Array, scores: jax.Array, lower: jax.Array, upper: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Logits of p0 and p1, nan for nan."""
    below = jnp.searchsorted(scores, logits, side="left")
    not_above = jnp.searchsorted(scores, logits, side="right")
    known = jnp.where(jnp.isnan(logits), jnp.nan, 0).astype(lower.dtype)
    return lower[not_above] + known, upper[below] + known


@jax.jit
def _merged(lower: jax.Array, upper: jax.Array) -> jax.Array:
    """log p1 - log(1 - p0)."""
    return softplus(lower) - softplus(-upper)


def _folds(
    folds: int, fold: ArrayLike | None, key: jax.Array | None, shape: tuple[int, ...]
) -> jax.Array:
    """The fold of each example (n,)."""
    check_count("folds", folds)
    if (fold is None) == (key is None):
        given = "neither" if fold is None else "both"
        raise ValueError(f"give exactly one of fold= and key=; {given} came")
    if key is not None:
        return jax.random.permutation(key, jnp.arange(math.prod(shape)) % folds)
    fold = jnp.asarray(fold)
    if not jnp.issubdtype(fold.dtype, jnp.integer):
        raise TypeError(f"fold has dtype {fold.dtype}; it must be an integer")
    if fold.shape != shape:
        raise ValueError(f"fold has shape {fold.shape} and labels {shape}; they must be equal")
    if not isinstance(fold, jax.core.Tracer) and not np.isin(fold, np.arange(folds)).all():
        raise ValueError(f"fold must lie in 0..{folds - 1}; {np.min(fold)} to {np.max(fold)} came")
    return fold.ravel()


@jax.jit
def _tables(examples: Examples, ordering: Ordering) -> dict[str, jax.Array]:
    counted = nan_unless_counted(examples.weights)
    rows = ordering.per_group(successes_and_failures(examples))
    lower, upper = _tables_of_rows(rows)
    return {
        "scores": _distinct(examples.log_odds(), ordering),
        "lower": lower * counted,
        "upper": upper * counted,
    }


@jax.jit
def _tables_of_folds(
    examples: Examples, ordering: Ordering, in_fold: jax.Array
) -> dict[str, jax.Array]:
    counted = nan_unless_counted(examples.weights)
    masses = successes_and_failures(examples)
    lower, upper = jax.vmap(
        lambda mask: _tables_of_rows(ordering.per_group(jnp.where(mask[:, None], masses, 0)))
    )(in_fold)
    return {
        "scores": _distinct(examples.log_odds(), ordering),
        "lower": lower * counted,
        "upper": upper * counted,
    }


def _distinct(scores: jax.Array, ordering: Ordering) -> jax.Array:
    """The score of each tie group, inf behind the last."""
    infinite = jnp.full_like(scores, jnp.inf)
    return infinite.at[ordering.group].set(scores[ordering.order], indices_are_sorted=True)


def _tables_of_rows(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Logits (n + 1,) of p0 and p1 from the weights of labels 1 and 0 at each score (n, 2)."""
    blocks = pooled_blocks(rows[:, 0], jnp.sum(rows, axis=-1))
    upper = _with_label_1(rows, blocks)
    lower = -_with_label_1(rows[::-1, ::-1], blocks[-1] - blocks[::-1])[::-1]
    certain = jnp.full(1, jnp.inf, upper.dtype)
    return jnp.append(-certain, lower), jnp.append(upper, certain)


# under a plain vmap every lane of the scan would run to the longest one's end at each row
@jax.custom_batching.sequential_vmap
def _with_label_1(rows: jax.Array, blocks: jax.Array) -> jax.Array:
    """Logit of the isotonic value at each row after a label 1 of weight 1 is added to it (n,)."""
    n, last = len(rows), blocks[-1]
    sums = _running_sums(rows)
    ends = jnp.zeros(n, jnp.int32).at[blocks].max(jnp.arange(1, n + 1, dtype=jnp.int32))

    def between(start: jax.Array, end: jax.Array) -> jax.Array:
        difference = sums[end] - sums[start]
        return difference[:2] + difference[2:]

    def visit(row: jax.Array, state: tuple) -> tuple:
        corner, block, masses = state
        line = between(corner, ends[block]).at[0].add(1)
        moves = (blocks[row] > block) | _steeper(line, between(corner, row))
        corner = jnp.where(moves, row, corner)
        block = jnp.where(moves, jnp.maximum(block, blocks[row]), block)

        def line_to(block: jax.Array) -> jax.Array:
            return between(corner, ends[block]).at[0].add(1)

        def joins(block: jax.Array) -> jax.Array:
            following = between(ends[block], ends[jnp.minimum(block + 1, last)])
            return (block < last) & ~_steeper(following, line_to(block))

        block = lax.while_loop(joins, lambda block: block + 1, block)
        return corner, block, masses.at[row].set(line_to(block))

    start = (jnp.int32(0), jnp.int32(-1), jnp.zeros_like(rows))
    masses = lax.fori_loop(0, n, visit, start)[-1]
    return lax.cummax(log_ratio(masses[:, 0], masses[:, 1]))


def _steeper(first: jax.Array, second: jax.Array) -> jax.Array:
    """Whether the share of label 1 is greater in the first of two (S, F)."""
    return first[0] * second[1] > second[0] * first[1]


def _running_sums(rows: jax.Array) -> jax.Array:
    """Sums before each row (n + 1, 4): of the rows rounded to a grid, and of what rounding left.

    The former are exact, so that a difference of two keeps its digits however long the sums are.
    """
    dtype = jnp.finfo(rows.dtype)
    _, exponent = jnp.frexp(jnp.sum(rows))
    grid = jnp.ldexp(jnp.ones((), rows.dtype), exponent - dtype.nmant)
    coarse = jnp.round(rows / grid) * grid
    both = jnp.concatenate([coarse, rows - coarse], axis=-1)
    return jnp.concatenate([jnp.zeros((1, 4), rows.dtype), jnp.cumsum(both, axis=0)])
