r"""Calibration of a stream: one record of fixed size that is added to and merged.

It holds sums over all examples, and over the cells of two grids:

    totals       1, w, w y, w y^2, w p^2, w (y - p)^2, w loss, w [loss is inf]
    prob grid    N cells of equal width in p:  w, w y, w (y - p), and the first and third times the
                 offset f in the cell
    logit grid   1024 cells of width 1/32 in the logit, from -16 to 16: w, w y, both also times f

A sum of states is the state of all their examples, in whatever batches, on whatever devices:
``update`` adds a batch, ``merge`` two states, ``jax.lax.psum(state, axis)`` those of all devices.
Each sum is a pair high + low (bcejax.numerics.pairs), so that adding ones does not stop at 2^24 in
float32.

From it ``summary`` reads, exactly but for rounding, every score and binned error with a number of
bins that divides N, and the smooth error and curve of a grid of N cells; and, for logits are known
to a cell, isotonic fit, area under the curve, slope and intercept with the errors stated there.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from bcejax.calibration.binning import sums_by_bin
from bcejax.calibration.binning.edges import place
from bcejax.calibration.binning.rules import bin_rule
from bcejax.calibration.decomposition.corp import CorpDecomposition
from bcejax.calibration.decomposition.murphy import MurphyDecomposition
from bcejax.calibration.errors.binned import NORMS
from bcejax.calibration.errors.grid import locate, shares_at_nodes
from bcejax.calibration.errors.smooth import SmoothCurve, smooth_curve
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.isotonic import isotonic_means
from bcejax.losses import bernoulli_entropy
from bcejax.numerics import Pair, plus
from bcejax.numerics.options import check_count
from bcejax.solvers.newton import NewtonFit, minimise_bce

FARTHEST = 16.0  # logits beyond count as +-16
LOGIT_CELLS = 1024


class CalibrationState(NamedTuple):
    """Sums, each as a pair of the same shape; add states with ``merge`` or ``jax.lax.psum``."""

    totals: Pair  # (8,)
    prob_cells: Pair  # (5, N)
    logit_cells: Pair  # (4, 1024)


class CalibrationSummary(NamedTuple):
    """What a ``CalibrationState`` tells; scalars but for the curve."""

    examples: jax.Array  # how many counted
    weight: jax.Array  # the sum of their weights
    mean_label: jax.Array
    mean_prob: jax.Array
    log_score: jax.Array
    brier_score: jax.Array
    expected_calibration_error: jax.Array
    root_mean_square_error: jax.Array  # the binned error of norm 2
    largest_error: jax.Array  # the binned error of norm inf
    smooth_calibration_error: jax.Array
    curve: SmoothCurve
    murphy: MurphyDecomposition
    corp_log: CorpDecomposition
    corp_brier: CorpDecomposition
    roc_auc: jax.Array
    slope: jax.Array
    intercept: jax.Array
    slope_status: jax.Array  # int32, named by SolverStatus


def init(cells: int = 3600, dtype: DTypeLike = jnp.float32) -> CalibrationState:
    """The state of no examples.

    Args:
        cells: number N of cells in p; 3600 is divided by 10, 15, 20, 25, 30, 50 and 100.
        dtype: of the sums, float32 or float64.

    Returns:
        A ``CalibrationState`` of (16 + 10 N + 8 * 1024) numbers.

    Raises:
        TypeError: cells is not an integer, or dtype neither float32 nor float64.
        ValueError: cells < 1.

    Example:
        >>> init(cells=10).prob_cells.high.shape
        (5, 10)
    """
    check_count("cells", cells)
    if jnp.dtype(dtype) not in (jnp.float32, jnp.float64):
        raise TypeError(f"dtype is {jnp.dtype(dtype)}; it must be float32 or float64")
    shapes = ((8,), (5, cells), (4, LOGIT_CELLS))
    return CalibrationState(*(Pair(*jnp.zeros((2, *shape), dtype)) for shape in shapes))


def update(
    state: CalibrationState,
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> CalibrationState:
    """The state with a batch of examples added.

    Works under jit, scan, vmap and shard_map.

    Args:
        state: from ``init``, ``update`` or ``merge``.
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape. Use it to pad a last batch.

    Returns:
        A ``CalibrationState`` of the same shape. A traced value that should have been refused
        makes it nan.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: shapes that differ, no example; and, unless traced: nan, labels or
            probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: sums over batches keep twice the digits of their dtype; inside a batch of n as
    ``sums_by_bin`` has it (tests/calibration/test_state.py).

    Example:
        >>> state = update(init(), [0, 1], probs=[0.25, 0.75])
        >>> summary(state).brier_score
        Array(0.0625, dtype=float32)
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _updated(state, examples)


@jax.jit
def merge(state: CalibrationState, other: CalibrationState) -> CalibrationState:
    """The state of the examples of both.

    Args:
        state: a ``CalibrationState``.
        other: another, with equally many cells.

    Returns:
        A ``CalibrationState``.

    Raises:
        ValueError: the numbers of cells differ.

    Example:
        >>> left, right = (update(init(), [label], probs=[0.25]) for label in (0, 1))
        >>> summary(merge(left, right)).mean_label
        Array(0.5, dtype=float32)
    """
    cells, others = (each.prob_cells.high.shape[-1] for each in (state, other))
    if cells != others:
        raise ValueError(f"the states have {cells} and {others} cells; they must be equal")
    return CalibrationState(*(plus(one, two) for one, two in zip(state, other, strict=True)))


@jax.jit
def _updated(state: CalibrationState, examples: Examples) -> CalibrationState:
    cells = state.prob_cells.high.shape[-1]
    sums = _totals(examples), _prob_cells(examples, cells), _logit_cells(examples)
    dtype = state.totals.high.dtype
    batch = (Pair(each.astype(dtype), jnp.zeros_like(each, dtype)) for each in sums)
    return merge(state, CalibrationState(*batch))


def _totals(examples: Examples) -> jax.Array:
    w, y, p = examples.weights, examples.labels, examples.probabilities()
    losses = examples.losses()
    impossible = jnp.isinf(losses)
    terms = [w != 0, w, w * y, w * y**2, w * p**2, w * examples.residuals() ** 2]
    terms += [w * jnp.where(impossible, 0, losses), w * impossible]
    return jnp.stack([jnp.sum(each, dtype=w.dtype) for each in terms])


def _prob_cells(examples: Examples, cells: int) -> jax.Array:
    cell, _ = place(examples, bin_rule(cells))
    w = examples.weights
    residual = w * examples.residuals()
    offset = examples.probabilities() * cells - cell
    columns = w, w * examples.labels, residual, w * offset, residual * offset
    return jnp.stack([sums_by_bin(each, cell, cells) for each in columns])


def _logit_cells(examples: Examples) -> jax.Array:
    logits = jnp.clip(examples.log_odds(), -FARTHEST, FARTHEST)
    cell, offset = locate((logits + FARTHEST) / (2 * FARTHEST), LOGIT_CELLS)
    w, ones = examples.weights, examples.weights * examples.labels
    columns = w, ones, w * offset, ones * offset
    return jnp.stack([sums_by_bin(each, cell, LOGIT_CELLS) for each in columns])


def summary(state: CalibrationState, *, bins: int = 15) -> CalibrationSummary:
    """What a state tells.

    Works under jit and vmap; bins is static.

    Args:
        state: with one example or more.
        bins: number K of bins of equal width; divides the number of cells.

    Returns:
        A ``CalibrationSummary``; nan where nothing has been added or a value should have been
        refused. The log score, and the miscalibration it gives, are inf where a certain
        prediction was wrong.

    Raises:
        TypeError: bins is not an integer.
        ValueError: bins does not divide the number of cells.

    Accuracy: scores, binned errors and Murphy's terms as the functions of those names, to 1e-6 in
    float32; smooth error and curve as those with ``cells=N``. Isotonic fit, area and line know
    logits to a cell. For 1e4 examples with logits of spread 1 to 4, miscalibration and
    discrimination are up to 2e-3 (log) and 6e-4 (Brier) below those of all data, which can follow
    more of the noise; the area under the curve is within 3e-4, slope and intercept within 1e-3
    (tests/calibration/test_state.py).

    Example:
        >>> state = update(init(), [0, 1, 1], probs=[0.25, 0.5, 0.75])
        >>> found = summary(state)
        >>> found.expected_calibration_error, found.roc_auc
        (Array(0.33333334, dtype=float32), Array(1., dtype=float32))
    """
    cells = state.prob_cells.high.shape[-1]
    rule = bin_rule(bins)
    if not isinstance(rule.bins, int):
        raise TypeError(f"bins is {bins!r}; it must be an integer")
    if cells % rule.bins:
        raise ValueError(f"bins is {bins}; it must divide the state's {cells} cells")
    return _summary(state, rule.bins)


@functools.partial(jax.jit, static_argnames="bins")
def _summary(state: CalibrationState, bins: int) -> CalibrationSummary:
    totals, probs, logits = (high + low for high, low in state)
    count, weight = totals[:2]
    means = totals[2:] / weight
    in_bins = jnp.sum(probs[:3].reshape(3, bins, -1), axis=2)
    first, second, largest = (norm(in_bins[0], in_bins[2], weight) for norm in NORMS.values())
    curve = smooth_curve(
        shares_at_nodes(probs[2], probs[4]) / weight, shares_at_nodes(probs[0], probs[3]) / weight
    )
    murphy = _murphy(in_bins / weight, means)
    log_score = jnp.where(means[5] > 0, jnp.inf, means[4])
    corp_log, corp_brier = _corp(logits / weight, means[0], log_score, murphy)
    line = _line(logits)
    return CalibrationSummary(
        examples=count,
        weight=weight,
        mean_label=means[0],
        mean_prob=means[0] - jnp.sum(probs[2]) / weight,
        log_score=log_score,
        brier_score=means[3],
        expected_calibration_error=first,
        root_mean_square_error=second,
        largest_error=largest,
        smooth_calibration_error=curve.error,
        curve=curve,
        murphy=murphy,
        corp_log=corp_log,
        corp_brier=corp_brier,
        roc_auc=_area(logits),
        slope=line.params[1],
        intercept=line.params[0],
        slope_status=line.status,
    )


def _murphy(in_bins: jax.Array, means: jax.Array) -> MurphyDecomposition:
    """From the shares of w, w y, w (y - p) in each bin."""
    share, ones, residuals = in_bins
    base, label_square, prob_square, score = means[:4]
    safe = jnp.where(share == 0, 1, share)
    label, gap = ones / safe, residuals / safe
    reliability = jnp.sum(residuals * gap)
    resolution = jnp.sum(share * (label - base) ** 2)
    uncertainty = base * (1 - base) - (base - label_square)  # of hard labels, the first term
    variance = prob_square - jnp.sum(share * (label - gap) ** 2)
    covariance = reliability - resolution + uncertainty + variance - score
    return MurphyDecomposition(score, reliability, resolution, uncertainty, variance, covariance)


def _corp(
    cells: jax.Array, base: jax.Array, log_score: jax.Array, murphy: MurphyDecomposition
) -> tuple[CorpDecomposition, CorpDecomposition]:
    """By the log and the Brier score, from the shares of w and w y in each cell."""
    share, ones = cells[:2]
    fit = isotonic_means(ones, share)
    entropy, refinement = bernoulli_entropy(base), jnp.sum(share * bernoulli_entropy(fit))
    log = CorpDecomposition(log_score, log_score - refinement, entropy - refinement, entropy)
    found = jnp.sum(share * (fit - base) ** 2)
    excess = murphy.score - (murphy.uncertainty - found)
    return log, CorpDecomposition(murphy.score, excess, found, murphy.uncertainty)


def _area(cells: jax.Array) -> jax.Array:
    """Area under the curve; pairs in one cell count half."""
    # of shares, as products of two totals may leave the range
    ones, zeros = (each / jnp.sum(each) for each in (cells[1], cells[0] - cells[1]))
    return jnp.sum(ones * (jnp.cumsum(zeros) - zeros / 2))


def _line(cells: jax.Array) -> NewtonFit:
    """Logistic regression of the label on the logit, from what the nodes hold."""
    weight, ones = (shares_at_nodes(cells[k], cells[k + 2]) for k in (0, 1))
    weight = jnp.maximum(weight, 0)  # a rounding below 0 is no weight
    label = jnp.clip(ones / jnp.where(weight == 0, 1, weight), 0, 1)
    nodes = jnp.linspace(-FARTHEST, FARTHEST, LOGIT_CELLS + 1, dtype=weight.dtype)
    return minimise_bce([1.0, nodes], label, weights=weight)
