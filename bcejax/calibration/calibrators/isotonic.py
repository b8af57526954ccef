r"""Isotonic calibration: the nondecreasing map that fits the labels best.

Pooling adjacent violators leaves blocks of neighbouring scores; block k has the weights S_k of
label 1 and F_k of label 0, and the logit log(S_k / F_k).  The map is constant on each block, from
its first score to its last, and between blocks linear in probability (as scikit-learn's) or a
step.  The centred form shrinks each block with 0 < S/(S+F) < 1 to one point, its weighted mean
score, so that the map strictly increases between the first point and the last.

**Smoothing.**  Plain isotonic regression answers 0 and 1 at the ends, where one wrong answer costs
an infinite log loss.  With smoothing a, a label 1 of weight a stands below all scores, and a label
0 of weight a above all.  At one single score this is Laplace's rule (s + a) / (w + 2 a); in
general every value lies between a / (W + a) and its complement, W being the sum of all weights,
and the map never decreases, as Laplace's rule block by block would.

References:
    B. Zadrozny and C. Elkan, Transforming classifier scores into accurate multiclass probability
    estimates (2002).
    A. P. Oron and N. Flournoy, Centered isotonic regression: point and interval estimation for
    dose-response studies (2017).
"""

import dataclasses
import functools
from typing import Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus
from bcejax.calibration.calibrators.tables import (
    log_ratio,
    read,
    successes_and_failures,
)
from bcejax.calibration.examples import Examples, evaluate, nan_unless_counted
from bcejax.calibration.isotonic import pooled_blocks, pooled_starts
from bcejax.calibration.ordering import Ordering, argsort, ascending, on_host, run_sums

Interpolation = Literal["linear", "step"]
Form = Literal["linear", "step", "centred"]
INTERPOLATIONS = ("linear", "step")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class IsotonicCalibration(Calibrator):
    """The isotonic map.

    Attributes:
        params: "count" of blocks; "lower" and "upper" (m,), first and last score of each block,
            and "logits" (m,); behind the last block inf, inf and its logit. Traced, m is the number
            of examples, else the least power of 2 that holds the blocks.
        status: always converged.

    Example:
        >>> fit = IsotonicCalibration.fit([0, 1, 0, 1], logits=[-2.0, -1.0, 1.0, 2.0], smoothing=0)
        >>> fit.probs(logits=jnp.array([-9.0, -1.5, 0.0, 2.0]))
        Array([0.  , 0.25, 0.5 , 1.  ], dtype=float32)
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
        interpolation: Interpolation = "linear",
        smoothing: ArrayLike = 1.0,
    ) -> Self:
        """The nondecreasing map of least loss, for every proper loss.

        Works under jit, and under vmap over any of the arrays (one after the other).

        Args:
            labels: numbers in [0, 1], any shape.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            interpolation: between blocks, "linear" in probability, or "step": a block's value
                holds until the next begins.
            smoothing: a >= 0, see above; 0 is plain isotonic regression.

        Returns:
            The calibrator; its logits are nan where, under jit, a value could not be taken.

        Raises:
            TypeError: scores that are not floating, or a mask that is not boolean.
            ValueError: shapes that differ, no example, an unknown interpolation; and, unless
                traced: nan, labels or probabilities outside [0, 1], negative weights or
                smoothing, nothing that counts.

        Accuracy: equal to scikit-learn's ``IsotonicRegression(out_of_bounds="clip")`` on logits
        to 1e-12 in float64 without smoothing (tests/calibration/calibrators/test_isotonic.py).
        """
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation {interpolation!r} is not one of {INTERPOLATIONS}")
        examples = evaluate(
            _on_logits, labels, logits=logits, probs=probs, weights=weights, where=where
        )
        params = _table(examples, smoothing, interpolation)
        return cls(params, jnp.int32(CalibratorStatus.CONVERGED))

    def _map(self, logits: jax.Array) -> jax.Array:
        return read(logits, self.params)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class CentredIsotonicCalibration(Calibrator):
    """The isotonic map whose flat blocks are shrunk to their centres.

    The centre is the weighted mean of the block's finite scores; a block of value 0 or 1, which
    only comes without smoothing, keeps its ends.

    Attributes:
        params: as of ``IsotonicCalibration``.
        status: always converged.

    Example:
        >>> fit = CentredIsotonicCalibration.fit([0, 1, 0, 1], logits=[-2.0, -1.0, 1.0, 2.0],
        ...                                      smoothing=0)
        >>> fit.probs(logits=jnp.array([-1.0, 0.0, 1.0]))
        Array([0.25, 0.5 , 0.75], dtype=float32)
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
        smoothing: ArrayLike = 1.0,
    ) -> Self:
        """As ``IsotonicCalibration.fit``, linear between centres."""
        examples = evaluate(
            _on_logits, labels, logits=logits, probs=probs, weights=weights, where=where
        )
        params = _table(examples, smoothing, "centred")
        return cls(params, jnp.int32(CalibratorStatus.CONVERGED))

    def _map(self, logits: jax.Array) -> jax.Array:
        return read(logits, self.params)


def check_smoothing(smoothing: ArrayLike) -> jax.Array:
    """The smoothing as a number.

    Raises:
        ValueError: it is no scalar; or, unless traced, negative or not finite.

    Example:
        >>> check_smoothing(0.5)
        Array(0.5, dtype=float32)
    """
    number = jnp.asarray(smoothing, float)
    if number.ndim:
        raise ValueError(f"smoothing has shape {number.shape}; it must be one number")
    if not isinstance(smoothing, jax.core.Tracer) and not 0 <= np.asarray(smoothing) < np.inf:
        raise ValueError(f"smoothing is {smoothing}; it must be finite and >= 0")
    return number


@jax.jit
def _on_logits(examples: Examples) -> Examples:
    return examples._replace(logits=examples.log_odds(), probs=None)


def _table(examples: Examples, smoothing: ArrayLike, form: Form) -> dict[str, jax.Array]:
    """The table of the pooled blocks: on the host where the values are there, in half the time."""
    number = check_smoothing(smoothing)
    if on_host((examples, number)):
        labels, weights, logits = map(np.asarray, examples[:3])
        return _on_host(labels, weights, logits, float(number), form)
    return _blocks(examples, ascending(examples.scores()), number, form)


def _on_host(
    labels: np.ndarray, weights: np.ndarray, logits: np.ndarray, smoothing: float, form: Form
) -> dict[str, jax.Array]:
    """The same table in float64, cut to the power of 2 that holds it."""
    order = argsort(logits)
    if not weights.all():
        order = order[weights[order] != 0]
    scores, w = logits[order], weights[order].astype(np.float64)
    ones = w * labels[order]
    ties = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    ones, zeros = (np.add.reduceat(each, ties) for each in (ones, w - ones))
    # next to all other rows, these two merge with their neighbours, whatever those are
    ones[0] += smoothing
    zeros[-1] += smoothing
    firsts = pooled_starts(ones, ones + zeros)
    with np.errstate(divide="ignore"):
        values = log_ratio(np.add.reduceat(ones, firsts), np.add.reduceat(zeros, firsts))
    firsts = ties[firsts]
    lower, upper = scores[firsts], scores[np.append(firsts[1:], len(scores)) - 1]
    if form == "step":
        upper = np.append(lower[1:], np.inf)
    elif form == "centred":
        centre = np.clip(_centres_on_host(scores, w, firsts), lower, upper)
        lower, upper = (np.where(np.isinf(values), end, centre) for end in (lower, upper))
    room = (1 << (len(firsts) - 1).bit_length()) - len(firsts)
    table = {
        "lower": np.pad(lower, (0, room), constant_values=np.inf),
        "upper": np.pad(upper, (0, room), constant_values=np.inf),
        "logits": np.pad(values, (0, room), mode="edge"),
    }
    return {
        "count": jnp.int32(len(firsts)),
        **{name: jnp.asarray(each.astype(logits.dtype)) for name, each in table.items()},
    }


def _centres_on_host(scores: np.ndarray, weights: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Mean finite score of each block; 0 where there is none."""
    finite = np.isfinite(scores)
    pulls = np.where(finite, weights, 0)
    mass = np.add.reduceat(pulls, firsts)
    total = np.add.reduceat(pulls * np.where(finite, scores, 0), firsts)
    return total / np.where(mass == 0, 1, mass)


@functools.partial(jax.jit, static_argnames="form")
def _blocks(
    examples: Examples, ordering: Ordering, smoothing: jax.Array, form: Form
) -> dict[str, jax.Array]:
    """The table of the pooled blocks."""
    rows = ordering.per_group(successes_and_failures(examples))
    # next to all other rows, these two merge with their neighbours, whatever those are
    smoothing = smoothing.astype(rows.dtype)
    rows = rows.at[0, 0].add(smoothing).at[-1, 1].add(smoothing)
    block_of_row = pooled_blocks(rows[:, 0], jnp.sum(rows, axis=-1))
    masses = run_sums(rows, block_of_row)
    index, last = jnp.arange(len(rows)), block_of_row[-1]
    logits = log_ratio(masses[:, 0], masses[:, 1])[jnp.minimum(index, last)]

    block = block_of_row[ordering.group]
    scores, weights = (each[ordering.order] for each in (examples.log_odds(), examples.weights))
    lower, upper = _ends(scores, weights != 0, block)
    if form == "step":
        upper = jnp.append(lower[1:], jnp.inf)
    elif form == "centred":
        centre = jnp.clip(_centres(scores, weights, block), lower, upper)
        lower, upper = (jnp.where(jnp.isinf(logits), end, centre) for end in (lower, upper))
    return {
        "count": last + 1,
        "lower": jnp.where(index > last, jnp.inf, lower),
        "upper": jnp.where(index > last, jnp.inf, upper),
        "logits": logits * nan_unless_counted(examples.weights),
    }


def _ends(scores: jax.Array, counts: jax.Array, block: jax.Array) -> tuple[jax.Array, jax.Array]:
    """First and last score that counts in each block."""
    low, high = jnp.where(counts, scores, jnp.inf), jnp.where(counts, scores, -jnp.inf)
    n = len(scores)
    return jax.ops.segment_min(low, block, n, True), jax.ops.segment_max(high, block, n, True)


def _centres(scores: jax.Array, weights: jax.Array, block: jax.Array) -> jax.Array:
    """Mean finite score of each block."""
    pulls = jnp.where(jnp.isfinite(scores), weights, 0)
    mass = run_sums(pulls, block)
    # shares before products, so that huge scores do not overflow
    shares = pulls / jnp.where(mass == 0, 1, mass)[block]
    return run_sums(shares * jnp.where(pulls == 0, 0, scores), block)
