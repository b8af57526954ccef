r"""Spline calibration: a smooth curve of the logits, as straight as the data allow.

The map g is a natural cubic spline with K knots t_1 < ... < t_K at quantiles of the logits: cubic
between knots, and a line beyond the last ones.  It is fitted to

    sum_i w_i l(g(x_i), y_i) + (lambda / 2) integral g''(x)^2 dx + (c / 2K) sum_k (g(t_k) - t_k)^2,

l the binary cross-entropy.  As lambda grows, g becomes a straight line, which is affine scaling.
The last term, c = 1/100 of one example, keeps g finite where the scores tell the labels apart, and
draws it to the identity where nothing else does.

**Basis.**  A natural spline is fixed by its values v at the knots: its second derivatives there
are A v, and integral g''^2 = v' P v, with A and P from the widths of the intervals.  In the
eigenvectors of P the penalty is a sum of squares, so each lambda is a Newton problem with a ridge.

**Choice of lambda.**  Of a grid, the one of least Akaike criterion sum w l + tr(H (H + R)^-1), H
being the Hessian of the cross-entropy and R the ridge.  A spline is a candidate only if it never
decreases, which its slopes at the knots and at the extremes between them tell.  If none is, the
scores say nothing that a nondecreasing map could use, and g is the constant log((S + 1/2) / (F +
1/2)), S and F being the weights of labels 1 and 0.

Logits beyond 1e4, infinite ones among them, are certain answers and take no part in the fit.  Knots
that coincide, because scores are tied, are moved behind the last one, where only the penalties hold
them.

References:
    P. J. Green and B. W. Silverman, Nonparametric regression and generalized linear models (1994),
    chapter 2.
    B. Lucena, Spline-based probability calibration (2018).
"""

import dataclasses
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus
from bcejax.calibration.calibrators.fits import finite_logits, scaled
from bcejax.calibration.calibrators.tables import log_ratio
from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics.options import check_count
from bcejax.solvers import NewtonFit, minimise_bce

IDENTITY = 0.01  # c, in examples
STIFFNESS = tuple(10.0 ** (k / 2) for k in range(-12, 5))  # lambda, per weight and softest bend
FARTHEST = 1e4  # a logit beyond is certain, and its powers would overflow
CLOSEST = 1e-3  # knots nearer than this, of their range, are one


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class SplineCalibration(Calibrator):
    """A natural cubic spline of the logits that never decreases.

    Attributes:
        params: "knots" (K,), ascending, and "logits" (K,), the map there.
        status: converged; at bound where the map is a constant.

    Example:
        >>> x = jnp.linspace(-4, 4, 200)
        >>> fit = SplineCalibration.fit(jax.nn.sigmoid(x / 2), logits=x)
        >>> fit(jnp.array([-6.0, -2.0, 2.0])).round(2)
        Array([-3., -1.,  1.], dtype=float32)
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
        knots: int = 6,
    ) -> Self:
        """The spline of least penalised cross-entropy, its penalty chosen by Akaike's criterion.

        Works under jit, and under vmap over any of the arrays.

        Args:
            labels: numbers in [0, 1], any shape; soft labels are welcome.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            knots: K >= 3, static.

        Returns:
            The calibrator; its logits are nan where, under jit, a value could not be taken.

        Raises:
            TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``, or knots that
                is no integer >= 3.
        """
        check_count("knots", knots, least=3)
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        params, status = _fit(examples, ascending(examples.log_odds()), jnp.arange(knots))
        return cls(params, status)

    def _map(self, logits: jax.Array) -> jax.Array:
        return _value(logits, self.params["knots"], self.params["logits"])


@jax.jit
def _fit(
    examples: Examples, ordering: Ordering, index: jax.Array
) -> tuple[dict[str, jax.Array], jax.Array]:
    x, weights = finite_logits(examples)
    near = jnp.abs(x) <= FARTHEST
    x, weights = jnp.where(near, x, 0), jnp.where(near, weights, 0)
    levels = (index + 0.5) / len(index)
    knots = _knots(examples.log_odds()[ordering.order], weights[ordering.order], levels)
    roughness, bends = _bends(knots)
    columns = list(jax.vmap(_value, (None, None, 1))(x, knots, bends))
    total = jnp.sum(weights)

    def penalised(stiffness: jax.Array) -> tuple[jax.Array, jax.Array]:
        ridge = stiffness * total * roughness / roughness[2] + IDENTITY / len(index)
        fit = minimise_bce(columns, examples.labels, weights=weights, offset=x, ridge=ridge)
        values = knots + bends @ fit.params
        decreases = ~(_least_slope(knots, values) >= 0)
        return values, jnp.where(decreases, jnp.inf, _criterion(fit, ridge))

    values, criteria = jax.vmap(penalised)(jnp.asarray(STIFFNESS, x.dtype))
    best = jnp.argmin(criteria)
    monotone = criteria[best] < jnp.inf
    successes, failures = (jnp.sum(weights * y) for y in (examples.labels, 1 - examples.labels))
    level = jnp.full_like(knots, log_ratio(successes + 0.5, failures + 0.5))
    values = jnp.where(monotone, values[best], level) * nan_unless_counted(examples.weights)
    status = jnp.where(monotone, CalibratorStatus.CONVERGED, CalibratorStatus.AT_BOUND)
    return {"knots": knots, "logits": values}, status.astype(jnp.int32)


def _criterion(fit: NewtonFit, ridge: jax.Array) -> jax.Array:
    """Half of Akaike's: cross-entropy plus effective number of parameters."""
    penalised = jnp.linalg.inv(fit.hessian)
    return fit.value - ridge @ fit.params**2 / 2 + jnp.sum(1 - ridge * jnp.diagonal(penalised))


def _knots(scores: jax.Array, weights: jax.Array, levels: jax.Array) -> jax.Array:
    """Weighted quantiles of ascending scores, made distinct (K,)."""
    reached = jnp.cumsum(weights)
    place = jnp.searchsorted(reached, levels.astype(reached.dtype) * reached[-1])
    quantiles = jnp.where(reached[-1] > 0, scores[jnp.minimum(place, len(scores) - 1)], 0)
    extent = quantiles[-1] - quantiles[0]
    new = quantiles[1:] - quantiles[:-1] > CLOSEST * extent
    position = jnp.cumsum(jnp.append(0, new))
    distinct = jax.ops.segment_min(quantiles, position, len(levels))
    behind = jnp.arange(len(levels)) - position[-1]
    step = jnp.where(extent > 0, extent, 1) / len(levels)
    return jnp.where(behind > 0, quantiles[-1] + behind * step, distinct)


class _Intervals(NamedTuple):
    """The spline between knots, these scaled to [0, 1]."""

    starts: jax.Array  # (K - 1,)
    widths: jax.Array  # (K - 1,)
    left: jax.Array  # (K - 1,), value at the left end
    right: jax.Array
    bend_left: jax.Array  # (K - 1,), second derivative there
    bend_right: jax.Array

    def slope(self, part: jax.Array) -> jax.Array:
        """First derivative at a part in [0, 1] of each interval."""
        rest = 1 - part
        curve = (3 * part**2 - 1) * self.bend_right - (3 * rest**2 - 1) * self.bend_left
        return (self.right - self.left) / self.widths + self.widths / 6 * curve


def _scale(knots: jax.Array) -> jax.Array:
    """Knots on [0, 1], so that no power of a width overflows."""
    return (knots - knots[0]) / (knots[-1] - knots[0])


def _second_derivatives(knots: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A (K, K), from values at scaled knots to second derivatives; and P (K, K)."""
    widths = jnp.diff(knots)
    inner = jnp.eye(len(knots), dtype=knots.dtype)[1:-1]
    change = jnp.diff(jnp.eye(len(knots), dtype=knots.dtype), axis=0) / widths[:, None]
    turn = jnp.diff(change, axis=0)  # of the slopes of straight lines, (K - 2, K)
    thirds = jnp.diag((widths[:-1] + widths[1:]) / 3)
    sixths = jnp.diag(widths[1:-1] / 6, 1)
    gram = thirds + sixths + sixths.T
    bends = jnp.linalg.solve(gram, turn)
    return inner.T @ bends, turn.T @ bends


def _bends(knots: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues (K,) of the roughness, 0 for the two straight lines, and eigenvectors."""
    _, penalty = _second_derivatives(_scale(knots))
    eigenvalues, vectors = jnp.linalg.eigh((penalty + penalty.T) / 2)
    return eigenvalues.at[:2].set(0), vectors


def _intervals(knots: jax.Array, values: jax.Array) -> _Intervals:
    at = _scale(knots)
    bend = _second_derivatives(at)[0] @ (values - values[0])  # exactly 0 for a constant
    return _Intervals(at[:-1], jnp.diff(at), values[:-1], values[1:], bend[:-1], bend[1:])


def _least_slope(knots: jax.Array, values: jax.Array) -> jax.Array:
    """The least first derivative: at the knots, or where the second one vanishes between them."""
    pieces = _intervals(knots, values)
    fall = pieces.bend_left - pieces.bend_right
    turning = jnp.clip(pieces.bend_left / jnp.where(fall == 0, 1, fall), 0, 1)
    parts = (jnp.zeros_like(turning), turning, jnp.ones_like(turning))
    return jnp.min(jnp.stack([pieces.slope(part) for part in parts]))


@jax.jit
def _value(x: jax.Array, knots: jax.Array, values: jax.Array) -> jax.Array:
    """The spline through values (K,) at knots (K,)."""
    pieces = _intervals(knots, values)
    at = (x - knots[0]) / (knots[-1] - knots[0])
    inside = jnp.clip(at, 0, 1)
    k = jnp.clip(jnp.searchsorted(pieces.starts, inside, side="right") - 1, 0, len(knots) - 2)
    starts, widths, left, right, bend_left, bend_right = (each[k] for each in pieces)
    part = jnp.clip((inside - starts) / widths, 0, 1)
    rest = 1 - part
    curve = (rest**3 - rest) * bend_left + (part**3 - part) * bend_right
    cubic = rest * left + part * right + curve * widths**2 / 6
    first, last = pieces.slope(jnp.zeros(()))[0], pieces.slope(jnp.ones(()))[-1]
    slope = jnp.where(at < 0, first, last)
    return cubic + jnp.where(at == inside, 0, scaled(slope, at - inside))
