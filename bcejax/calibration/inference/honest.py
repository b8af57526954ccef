r"""A confidence band for the calibration curve that holds for finite samples, all at once.

Let the true curve c(x) = P(label 1 | score x) be nondecreasing; nothing else is assumed.  The
examples j..k in order of score hold S ones among N.  Each is 1 with probability c(x_k) or less, so
S is stochastically below Binomial(N, c(x_k)), and the Clopper-Pearson bound

    L_jk = the a-quantile of Beta(S, N - S + 1)   satisfies   P(L_jk > c(x_k)) <= a;

likewise U_jk, the (1 - a)-quantile of Beta(S + 1, N - S), for c(x_j).  With m cells of neighbours
there are m (m + 1) / 2 such blocks and twice as many bounds, so with a = (1 - confidence) /
(m (m + 1)) all hold at once with probability ``confidence`` or more, and with them

    max over j <= k, x_k <= x of L_jk  <=  c(x)  <=  min over j <= k, x <= x_j of U_jk.

The cells are the distinct scores if there are few, else groups of about equal size, ties together.
A bound of a cell of several scores holds from its last score on (lower) or up to its first (upper):
the band is a staircase, not interpolated.  A bootstrap of the isotonic curve, in contrast, is
inconsistent at each point.

References:
    T. Dimitriadis, L. Duembgen, A. Henzi, M. Puke and J. Ziegel, Honest calibration assessment for
    binary outcome predictions (2023).
    C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits (1934).
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.binning.beta_law import beta_quantile
from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.inference.bands import Band
from bcejax.calibration.isotonic import isotonic_means
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics.options import check_confidence, check_count


def confidence_band(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    confidence: float = 0.95,
    cells: int = 200,
) -> Band:
    """A band that holds the whole true calibration curve, if that is nondecreasing.

    Works under jit; confidence and cells are static. Time and memory grow as cells squared.

    Args:
        labels: numbers 0 and 1, any shape, independent given the scores.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two; only their order counts.
        weights: numbers of independent copies, >= 0; broadcasts to that shape. The bounds mean
            nothing where weights do not count copies.
        where: whether it counts at all; broadcasts to that shape.
        confidence: the least probability that the band holds the curve everywhere.
        cells: at most so many cells of neighbouring scores. More resolve the scores finer and
            cost width, but only as the root of a logarithm.

    Returns:
        A ``Band`` at the first and last score of each cell, ascending (2 min(cells, n),) with
        repetitions. Between two of its probabilities the lower bound is that of the left one,
        the upper that of the right one. ``lower > upper`` somewhere says that the curve decreases.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, cells that is not an
            integer.
        ValueError: shapes that differ, no example, a confidence outside (0, 1), cells below 1;
            and, unless traced: nan, labels other than 0 and 1, probabilities outside [0, 1],
            negative weights, nothing that counts.

    Accuracy: equal to brute force over all blocks with SciPy's beta quantiles
    (tests/calibration/inference/test_honest.py); simultaneous coverage at or above nominal in
    simulation (experiments/records/coverage_of_intervals.json).

    Example:
        >>> band = confidence_band(jnp.arange(2000) % 2, probs=jnp.full(2000, 0.5))
        >>> band.probs[0], band.lower[0].round(2), band.upper[0].round(2)
        (Array(0.5, dtype=float32), Array(0.48, dtype=float32), Array(0.52, dtype=float32))
    """
    check_count("cells", cells)
    check_confidence(confidence)
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    cells = min(cells, examples.labels.size)
    return _band(examples, ascending(examples.scores()), cells, confidence)


class _Cells(NamedTuple):
    """Sums over m cells of neighbouring scores, and where they lie among the tie groups."""

    weight: jax.Array  # (m,), 0 in an empty cell
    ones: jax.Array  # (m,) weight of label 1
    first: jax.Array  # (m,) int32, tie group of the least score; the neighbour's if empty
    last: jax.Array  # (m,) int32, tie group of the largest


@functools.partial(jax.jit, static_argnames=("cells", "confidence"))
def _band(examples: Examples, ordering: Ordering, cells: int, confidence: float) -> Band:
    weight = ordering.per_group(examples.weights)
    ones = ordering.per_group(examples.weights * examples.labels)
    found = _cells(
        ordering.per_group((examples.weights != 0).astype(jnp.int32)), weight, ones, cells
    )
    many = jnp.sum(found.weight > 0)
    lower, upper = _bounds(found, (1 - confidence) / (many * (many + 1)))
    # inside a cell of several scores only the neighbours' bounds hold
    single = found.first == found.last
    at_first = jnp.where(single, lower, jnp.roll(lower, 1).at[0].set(0))
    at_last = jnp.where(single, upper, jnp.roll(upper, -1).at[-1].set(1))

    groups = jnp.stack([found.first, found.last], axis=-1).ravel()
    probs = examples.probabilities()[ordering.order]
    sound = nan_unless_counted(weight)
    return Band(
        probs=jnp.zeros_like(probs).at[ordering.group].set(probs)[groups],
        estimate=isotonic_means(ones, weight)[groups] * sound,
        lower=jnp.stack([at_first, lower], axis=-1).ravel() * sound,
        upper=jnp.stack([upper, at_last], axis=-1).ravel() * sound,
    )


def _cells(counts: jax.Array, weight: jax.Array, ones: jax.Array, cells: int) -> _Cells:
    """Each tie group its own cell if there are few, else groups of about equal counts.

    Arguments are (n,) sums over the tie groups; ``counts`` of examples that count.
    """
    n = len(counts)
    present = counts > 0
    own = jnp.cumsum(present) - 1
    passed = jnp.cumsum(counts)
    by_mass = jnp.floor((passed - 0.5) / passed[-1] * cells)
    cell = jnp.where(own[-1] < cells, own, by_mass).astype(jnp.int32)
    cell = jnp.clip(cell, 0, cells - 1)

    def over_cells(reduction: Callable[..., jax.Array], values: jax.Array) -> jax.Array:
        return reduction(values, cell, cells, indices_are_sorted=True)

    group = jnp.arange(n, dtype=jnp.int32)
    least = over_cells(jax.ops.segment_min, jnp.where(present, group, n))
    last = over_cells(jax.ops.segment_max, jnp.where(present, group, -1))
    last = jnp.maximum(lax.cummax(last), jnp.argmax(present).astype(jnp.int32))
    return _Cells(
        weight=over_cells(jax.ops.segment_sum, weight),
        ones=over_cells(jax.ops.segment_sum, ones),
        first=jnp.minimum(least, last),
        last=last,
    )


def _bounds(cells: _Cells, tail: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Lower bounds from the last score of each cell on, upper bounds up to its first."""
    m = len(cells.weight)
    start, end = np.triu_indices(m)
    hits, trials = (
        (running[end + 1] - running[start])
        for running in (jnp.append(0, jnp.cumsum(each)) for each in (cells.ones, cells.weight))
    )
    # the upper bound of the ones is 1 less the lower bound of the zeros
    hits = jnp.stack([hits, trials - hits])
    some = hits > 0
    bound = beta_quantile(tail, jnp.where(some, hits, 1), trials - hits + 1)
    lower, upper = jnp.where(some, bound, 0)
    by_end = jax.ops.segment_max(lower, end, m)
    by_start = jax.ops.segment_max(upper, start, m, indices_are_sorted=True)
    return lax.cummax(by_end), 1 - lax.cummax(by_start, reverse=True)
