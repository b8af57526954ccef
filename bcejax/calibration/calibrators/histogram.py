r"""Histogram binning: in each bin of scores, the share of label 1.

    p = (sum w y + a) / (sum w + 2 a) over the bin's examples,    a = ``smoothing``,

Laplace's rule for a = 1.  Bins of equal mass or width are those of ``reliability_curve``, closed on
the left, on the scale of the logits; the outermost bins of equal mass have no outer end.
Neighbouring bins that decrease are pooled, as isotonic regression would, so that the map never
does; ``monotone=False`` leaves them, which is the method as published.  An empty bin has nothing to
say: it takes its middle probability, moved as little as keeps it between the filled bins beside it.

References:
    B. Zadrozny and C. Elkan, Obtaining calibrated probability estimates from decision trees and
    naive Bayesian classifiers (2001).
"""

import dataclasses
import functools
from typing import Self

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.edges import logit_edges
from bcejax.calibration.binning.rules import BinRule, Bins, Strategy, bin_rule, settle
from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus
from bcejax.calibration.calibrators.isotonic import check_smoothing
from bcejax.calibration.calibrators.tables import (
    log_ratio,
    read,
    successes_and_failures,
)
from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.isotonic import pooled_blocks
from bcejax.calibration.ordering import Ordering, run_sums
from bcejax.numerics import log_odds


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class HistogramBinning(Calibrator):
    """A step for each bin.

    Attributes:
        params: "count" of bins; "lower" and "upper" (bins,), the logits between which each lies;
            and its "logits" (bins,).
        status: always converged.

    Example:
        >>> x, y = jnp.array([-2.0, -1.0, 1.0, 2.0]), jnp.array([0, 0, 0, 1])
        >>> HistogramBinning.fit(y, logits=x, bins=2).probs(logits=jnp.array([-9.0, 0.0, 1.0]))
        Array([0.25, 0.25, 0.5 ], dtype=float32)
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
        bins: Bins = 15,
        strategy: Strategy = "mass",
        smoothing: ArrayLike = 1.0,
        monotone: bool = True,
    ) -> Self:
        """The share of label 1 in each bin.

        Works under jit and vmap; bins, strategy and monotone are static.

        Args:
            labels: numbers in [0, 1], any shape.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            bins: number of bins, "cube_root", or edges in probability, as ``reliability_curve``.
            strategy: "mass" or "width".
            smoothing: a >= 0.
            monotone: pool neighbouring bins that decrease.

        Returns:
            The calibrator; its logits are nan where, under jit, a value could not be taken.

        Raises:
            TypeError: scores that are not floating, a mask that is not boolean, or bins that are
                none.
            ValueError: shapes that differ, no example, unknown options; and, unless traced: nan,
                labels or probabilities outside [0, 1], negative weights or smoothing, nothing
                that counts.
        """
        rule = bin_rule(bins, strategy)
        smoothing = check_smoothing(smoothing)
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        examples = examples._replace(logits=examples.log_odds(), probs=None)
        rule, ordering = settle(rule, examples)
        params = _table(examples, ordering, smoothing, rule, monotone)
        return cls(params, jnp.int32(CalibratorStatus.CONVERGED))

    def _map(self, logits: jax.Array) -> jax.Array:
        return read(logits, self.params)


@functools.partial(jax.jit, static_argnames=("rule", "monotone"))
def _table(
    examples: Examples,
    ordering: Ordering | None,
    smoothing: jax.Array,
    rule: BinRule,
    monotone: bool,
) -> dict[str, jax.Array]:
    table = bin_table(examples, ordering, rule)
    masses = table.sums(successes_and_failures(examples))
    filled = jnp.any(masses > 0, axis=-1)
    masses = masses + jnp.where(filled, smoothing.astype(masses.dtype), 0)[:, None]
    if monotone:
        block = pooled_blocks(masses[:, 0], jnp.sum(masses, axis=-1))
        masses = run_sums(masses, block)[block]
    logits = log_ratio(masses[:, 0], masses[:, 1])
    middle = log_odds((table.edges[:-1] + table.edges[1:]) / 2)
    if monotone:
        below = lax.cummax(jnp.where(filled, logits, -jnp.inf))
        above = lax.cummin(jnp.where(filled, logits, jnp.inf), reverse=True)
        middle = jnp.clip(middle, below, above)
    lower = _lower_edges(examples, table.bin_of, table.edges, rule)
    return {
        "count": jnp.int32(len(lower)),
        "lower": lower,
        "upper": jnp.append(lower[1:], jnp.inf),
        "logits": jnp.where(filled, logits, middle) * nan_unless_counted(examples.weights),
    }


def _lower_edges(
    examples: Examples, index: jax.Array, edges: jax.Array, rule: BinRule
) -> jax.Array:
    """The logit at which each bin begins (bins,), the first at -inf."""
    x = examples.log_odds()
    if rule.strategy == "mass":
        counted = jnp.where(examples.weights == 0, jnp.inf, x)
        least = jax.ops.segment_min(counted, index, len(edges) - 1)
        inner = lax.cummin(least, reverse=True)[1:]
        inner = jnp.where(inner <= jnp.min(least), -jnp.inf, inner)  # the first bin has no end
    elif rule.bins == "cube_root":
        inner = log_odds(edges[1:-1])
    else:
        inner = jnp.asarray(logit_edges(rule.bins, x.dtype))
    return jnp.append(jnp.full(1, -jnp.inf, x.dtype), inner)
