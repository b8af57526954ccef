r"""The smooth calibration curve, and how far it lies from the diagonal.

The curve g is Cleveland's lowess of the labels on the probabilities, without robustness rounds: at
t, the labels of the nearest examples that hold the share f of the weight are fitted by a line,
weighted by

    K = (1 - (|p - t| / h)^3)^3,    h the distance within which that weight lies,

and g(t) is the line's value at t; it may leave [0, 1].  It is found at points that are quantiles of
the probabilities and joined by straight lines.  Over the examples,

    ICI = mean |p - g(p)|,   E50, E90 = its median and 90 % quantile,   Emax = its greatest value.

A quantile that falls between two examples is the mean of both.

References:
    W. S. Cleveland, Robust locally weighted regression and smoothing scatterplots (1979).
    P. C. Austin and E. W. Steyerberg, The Integrated Calibration Index (ICI) and related metrics
    for quantifying the calibration of logistic regression models (2019).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics.options import check_count


class CalibrationCurveSummary(NamedTuple):
    """Four distances of a smooth curve from the diagonal, and the curve.

    Example:
        >>> summary = calibration_curve_summary([0, 1, 0, 1, 1], probs=[0.1, 0.3, 0.5, 0.7, 0.9])
        >>> worst = jnp.argmax(jnp.abs(summary.curve - summary.probs))
        >>> f"{summary.emax:.2f} off at {summary.probs[worst]:.1f}"
        '0.22 off at 0.9'
    """

    ici: jax.Array
    e50: jax.Array
    e90: jax.Array
    emax: jax.Array
    probs: jax.Array  # (points,), ascending
    curve: jax.Array  # (points,), the smoothed share of label 1 there


class _Sorted(NamedTuple):
    """Examples in ascending order of probability, each array (n,)."""

    probs: jax.Array
    labels: jax.Array
    weights: jax.Array
    reached: jax.Array  # running sum of the weights


def calibration_curve_summary(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    points: int = 200,
    share: float = 2 / 3,
) -> CalibrationCurveSummary:
    """ICI, E50, E90 and Emax of a lowess curve, and the curve itself.

    Works under jit and vmap, in O(points n); points and share are static. Lines, and so all
    results, are differentiable in labels and weights.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        points: at how many quantiles of the probabilities the curve is found. From n on it is
            found at every one of n examples of equal weight.
        share: f, of the weight that each line sees, in (0, 1].

    Returns:
        A ``CalibrationCurveSummary``.

    Raises:
        TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``; or points or share
            is out of range.

    Accuracy: the curve 1e-6 of statsmodels' lowess (frac=f, it=0) where f n is whole; peers that
    take the next smaller whole number differ else (tests/calibration/regression/test_curve.py).

    Example:
        >>> summary = calibration_curve_summary([0, 1, 0, 1, 1], probs=[0.1, 0.3, 0.5, 0.7, 0.9])
        >>> round(float(summary.ici), 3), round(float(summary.emax), 3)
        (0.115, 0.22)
    """
    check_count("points", points, least=2)
    if not 0 < share <= 1:
        raise ValueError(f"share {share} does not lie in (0, 1]")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _summary(examples, ascending(examples.scores()), points, share)


@functools.partial(jax.jit, static_argnames=("points", "share"))
def _summary(
    examples: Examples, ordering: Ordering, points: int, share: float
) -> CalibrationCurveSummary:
    p, y, w = (
        each[ordering.order]
        for each in (examples.probabilities(), examples.labels, examples.weights)
    )
    sample = _Sorted(p, y, w, jnp.cumsum(w))
    at = _places(sample, points)
    width = at[-1] - at[0]
    curve = lax.map(lambda t: _line(sample, t, share, width), at)
    distance = jnp.where(w > 0, jnp.abs(p - jnp.interp(p, at, curve)), 0)
    weight = jnp.sum(w)
    e50, e90 = _quantiles(distance, w, (0.5, 0.9))
    ici = jnp.sum(w * distance) / weight
    valid = 0 * weight / weight  # nan where an example was refused or nothing counts
    return CalibrationCurveSummary(
        ici, e50 + valid, e90 + valid, jnp.max(distance) + valid, at, curve
    )


def _places(sample: _Sorted, points: int) -> jax.Array:
    """Quantiles of the probabilities, the least and the greatest among them."""
    total = sample.reached[-1]
    middles = (jnp.arange(points - 2, dtype=total.dtype) + 0.5) / (points - 2) * total
    # a little below, so that no rounding of the sums chooses between two examples
    border = lax.stop_gradient(middles) * (1 - float(jnp.finfo(total.dtype).eps) ** 0.5)
    rank = jnp.searchsorted(sample.reached, border)
    counts = sample.weights > 0
    least = jnp.min(jnp.where(counts, sample.probs, 1))
    greatest = jnp.max(jnp.where(counts, sample.probs, 0))
    inner = jnp.clip(sample.probs[jnp.minimum(rank, len(counts) - 1)], least, greatest)
    return jnp.concatenate([least[None], inner, greatest[None]])


def _line(sample: _Sorted, t: jax.Array, share: float, width: jax.Array) -> jax.Array:
    """The value at t of the line fitted around t."""
    reach = _reach(sample, t, share)
    gap = sample.probs - t
    near = jnp.minimum(jnp.abs(gap) / jnp.where(reach > 0, reach, 1), 1)
    kernel = jnp.where(reach > 0, (1 - near**3) ** 3, gap == 0)
    k = sample.weights * kernel
    total = jnp.sum(k)
    middle, mean = jnp.sum(k * gap) / total, jnp.sum(k * sample.labels) / total
    spread = jnp.sum(k * (gap - middle) ** 2)
    steep = spread > total * (1e-3 * width) ** 2  # as in Cleveland's code; else no line is known
    slope = jnp.sum(k * (gap - middle) * sample.labels) / jnp.where(steep, spread, 1)
    return mean - jnp.where(steep, slope * middle, 0)


def _reach(sample: _Sorted, t: jax.Array, share: float) -> jax.Array:
    """The least distance from t within which the share of the weight lies, by bisection."""
    p, reached = lax.stop_gradient((sample.probs, sample.reached))
    padded = jnp.append(jnp.zeros_like(reached[:1]), reached)
    enough = share * reached[-1] * (1 - 64 * jnp.finfo(p.dtype).eps)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bracket
        middle = (low + high) / 2
        last = jnp.searchsorted(p, t + middle, side="right")
        first = jnp.searchsorted(p, t - middle, side="left")
        holds = padded[last] - padded[first] >= enough
        return jnp.where(holds, low, middle), jnp.where(holds, middle, high)

    steps = jnp.finfo(p.dtype).nmant + 4
    t = lax.stop_gradient(t)
    high = lax.fori_loop(0, steps, halve, (jnp.zeros_like(t), jnp.ones_like(t)))[1]
    return jnp.where(high < 4 * jnp.finfo(p.dtype).eps, 0, high)  # all of it lies at t


def _quantiles(values: jax.Array, weights: jax.Array, shares: tuple[float, ...]) -> list[jax.Array]:
    """Weighted quantiles; the mean of two neighbours where one falls between them."""
    order = jnp.argsort(lax.stop_gradient(values))
    reached = jnp.cumsum(weights[order])
    slack = 64 * jnp.finfo(values.dtype).eps

    def at(border: jax.Array, side: str) -> jax.Array:
        rank = jnp.searchsorted(reached, border, side=side)
        return values[order][jnp.minimum(rank, len(order) - 1)]

    borders = [share * reached[-1] for share in shares]
    return [(at(b * (1 - slack), "left") + at(b * (1 + slack), "right")) / 2 for b in borders]
