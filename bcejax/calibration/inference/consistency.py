"""Where the isotonic calibration curve of a calibrated model would lie.

Isotonic regression of labels y* ~ Bernoulli(p) on p gives curves that scatter around the diagonal
as a calibrated model's would, with the same scores and weights.  The band holds the middle share
``confidence`` of them, at each probability by itself: a calibrated model's curve leaves it
somewhere more often than at one place.  ``calibration_test`` judges the curve as a whole.

Of more than 65,536 examples, labels are summed over cells of neighbours in score, 16,384 at most,
before the curve is fitted: it is the same but for the width of a cell, which is far below the
scatter of any such curve.

References:
    J. Broecker and L. A. Smith, Increasing the reliability of reliability diagrams (2007).
    T. Dimitriadis, T. Gneiting and A. I. Jordan, Stable reliability diagrams for probabilistic
    classifiers (2021).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.cells import cell_size, sums_of_cells
from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.inference.bands import Band, spread_ranks
from bcejax.calibration.inference.replication import in_pieces, replicated
from bcejax.calibration.inference.simulation import simulate_labels
from bcejax.calibration.isotonic import isotonic_means
from bcejax.calibration.ordering import Ordering, ascending, with_ties
from bcejax.numerics.options import check_confidence, check_count


def consistency_band(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    key: jax.Array,
    n_simulations: int = 1000,
    confidence: float = 0.95,
    points: int = 512,
    progress: Callable[[int, int], None] | None = None,
) -> Band:
    """The band around the diagonal in which a calibrated model's isotonic curve lies.

    Works under jit; n_simulations, confidence and points are static.

    Args:
        labels: numbers 0 and 1, any shape. The band does not depend on them; ``estimate`` does.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape. An example is one
            observation, whatever its weight.
        where: whether it counts at all; broadcasts to that shape.
        key: of ``jax.random``.
        n_simulations: how many simulated curves.
        confidence: the share of curves inside, at each probability.
        points: the band is given at so many examples, equally spaced in rank, or at all n.
        progress: called as ``progress(done, n_simulations)`` after each tenth; not when
            traced.

    Returns:
        A ``Band`` at m = min(points, n) probabilities, the least and the largest included.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, n_simulations or
            points that is not an integer.
        ValueError: shapes that differ, no example, a confidence outside (0, 1), points below 1;
            and, unless traced: nan, labels other than 0 and 1, probabilities outside [0, 1],
            negative weights, nothing that counts.

    Accuracy: the pointwise level against calibrated data drawn anew, and against quantiles of
    scikit-learn's isotonic regression (tests/calibration/inference/test_consistency.py).

    Example:
        >>> labels, probs = jnp.arange(400) % 2, jnp.full(400, 0.5)
        >>> band = consistency_band(labels, probs=probs, key=jax.random.key(0), points=1)
        >>> round(float(band.lower[0]), 2), round(float(band.upper[0]), 2)
        (0.46, 0.55)
    """
    check_count("n_simulations", n_simulations)
    check_count("points", points)
    check_confidence(confidence)
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    ordering = ascending(examples.scores())
    points = min(points, examples.labels.size)
    curves = in_pieces(
        lambda first, count: _curves(examples, ordering, key, first - 1, points, count),
        n_simulations + 1,
        progress and (lambda done, count: progress(done - 1, count - 1)),
        (examples, key),
    )
    return _band(examples, ordering, curves, points, confidence)


@functools.partial(jax.jit, static_argnames=("points", "count"))
def _curves(
    examples: Examples,
    ordering: Ordering,
    key: jax.Array,
    first: jax.Array,
    points: int,
    count: int,
) -> jax.Array:
    """Isotonic curves of simulated labels (count, points); number -1 is that of the data."""
    logits = examples.log_odds()

    def once(own: jax.Array, number: jax.Array) -> jax.Array:
        labels = jnp.where(number < 0, examples.labels, simulate_labels(own, logits))
        return _curve(examples, ordering, labels, points)

    return replicated(once, key, first, count, logits.size)


def _curve(examples: Examples, ordering: Ordering, labels: jax.Array, points: int) -> jax.Array:
    w, order = examples.weights, ordering.order
    size = cell_size(len(w))
    ones, masses = (sums_of_cells(each[order], size) for each in (w * labels, w))
    firsts = ordering.group[::size]
    # cells that begin in one tie group are one; of size 1 they are the tie groups
    cells = with_ties(firsts, jnp.arange(len(firsts)))
    means = isotonic_means(cells.per_group(ones), cells.per_group(masses))
    return means[cells.group[spread_ranks(ordering, w, points) // size]]


@functools.partial(jax.jit, static_argnames=("points", "confidence"))
def _band(
    examples: Examples,
    ordering: Ordering,
    curves: jax.Array,
    points: int,
    confidence: float,
) -> Band:
    sound = nan_unless_counted(examples.weights)
    tails = jnp.array([(1 - confidence) / 2, (1 + confidence) / 2], curves.dtype)
    lower, upper = jnp.quantile(curves[1:], tails, axis=0) * sound
    ranks = spread_ranks(ordering, examples.weights, points)
    return Band(
        probs=examples.probabilities()[ordering.order[ranks]],
        estimate=curves[0] * sound,
        lower=lower,
        upper=upper,
    )
