r"""Profile-likelihood intervals of the params of a logistic regression.

The interval of b_j holds all t that the likelihood-ratio test does not refute,

    D(t) = 2 (min {V(b): b_j = t} - min V) <= z^2,

V as in likelihood.py, or Firth's V*, and z a quantile of the normal law.  D of V is convex in t and
0 at the estimate; so one end lies on either side, or D stays 0 for ever: then the labels are
separated, and that end is infinite.

sqrt(D) is nearly linear: on it Newton's method looks for the end, each step within the ends of the
bracket so far; the derivative of D is twice that of V in b_j.  The other params follow along the
tangent of the curve of minima, and then settle by Newton's steps (descent.py).  All ends are looked
for at once.

Sources: D. J. Venzon and S. H. Moolgavkar, A method for computing profile-likelihood-based
confidence intervals (1988); G. Heinze and M. Schemper, A solution to the problem of separation in
logistic regression (2002), for V*.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.solvers.engines.descent import descend, settled, solve_free
from bcejax.solvers.engines.firth import FirthLikelihood
from bcejax.solvers.engines.likelihood import Likelihood, Point
from bcejax.solvers.engines.pseudoinverse import pseudo_invert
from bcejax.solvers.inference.fitted import Fitted, as_fitted, evaluate
from bcejax.solvers.inference.intervals import normal_quantile
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus

CLEAR = 30.0  # a difference of logits by which separated labels are told apart for good
ROOM = 2**25  # numbers that all ends together may keep at once
EVALUATIONS = 60  # of V, for one value of t
VALUES = 60  # of t


class ProfileIntervals(NamedTuple):
    """One interval for each param asked for, (m,); an end that was not found is nan.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        >>> ends = profile_intervals(fit_logistic(x, y), x, y, params=[0])
        >>> ends.lower.round(3), [SolverStatus(int(each)).name for each in ends.status]
        (array([0.503]), ['CONVERGED'])
    """

    lower: jax.Array | np.ndarray
    upper: jax.Array | np.ndarray
    steps: jax.Array | np.ndarray  # int32, evaluations of V that both ends took
    status: jax.Array | np.ndarray  # int32, CONVERGED or MAX_STEPS


def profile_intervals(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
    firth: bool = False,
    confidence: float = 0.95,
    params: Sequence[int] | None = None,
) -> ProfileIntervals:
    """Profile-likelihood intervals, right too where the likelihood is skew or the fit at infinity.

    With l2 > 0 the penalty is part of V: they are sets of high posterior, not confidence intervals.

    Args:
        solution: of ``fit_logistic``, of any status but DIVERGED: where to start.
        inputs: (n, d), those of the fit, as are all that follow.
        labels: (n,).
        weights: (n,), how many copies of each example there are.
        where: (n,) bool.
        offset: (n,).
        l2: the ridge penalty.
        intercept: whether one was fitted.
        firth: take V* of firth.py, for a fit with ``firth=True``.
        confidence: in (0, 1), static.
        params: which of the p, static, by position: the coefficients, then the intercept. None
            is all.

    Returns:
        ``ProfileIntervals``, in the order of ``params``.

    Raises:
        TypeError, ValueError: as ``covariance``; a confidence outside (0, 1); no such param.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        >>> ends = profile_intervals(fit_logistic(x, y), x, y, params=[0])
        >>> ends.lower.round(3), ends.upper
        (array([0.503]), array([inf]))

    Accuracy: where an end lies D is z^2 to 1e-8, by refits in NumPy, in float64
    (tests/solvers/inference/test_profile.py).
    """
    fitted = as_fitted(
        solution,
        inputs,
        labels,
        weights=weights,
        where=where,
        offset=offset,
        l2=l2,
        intercept=intercept,
    )
    p = len(fitted.params)
    which = tuple(range(p)) if params is None else tuple(int(j) for j in params)
    if any(not 0 <= j < p for j in which):
        raise ValueError(f"params {list(which)} must be positions from 0 to {p - 1}")
    return evaluate(_profile, fitted, z=normal_quantile(confidence), firth=firth, which=which)


@functools.partial(jax.jit, static_argnames=("z", "firth", "which"))
def _profile(fitted: Fitted, *, z: float, firth: bool, which: tuple[int, ...]) -> ProfileIntervals:
    work, likelihood = fitted.standardised()
    objective = FirthLikelihood.of(likelihood) if firth else likelihood
    dtype = fitted.params.dtype
    gram = pseudo_invert(likelihood.gram(likelihood.weights) + jnp.diag(likelihood.ridge))
    outward = work.outward_matrix()
    known = gram.sees(outward)
    free = jnp.ones(len(fitted.params), bool)
    # a separated fit may be so far out that nothing is to be seen of V
    start = jnp.where(fitted.status == SolverStatus.SEPARATED, 0, work.inward(fitted.params))
    rest = descend(objective.at, start, free, likelihood.reach, settled, EVALUATIONS)
    best = rest.params + rest.step
    least = rest.point.value - rest.decrement / 2
    spread = pseudo_invert(rest.point.hessian).inverse

    def end(lane: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        j, side = lane
        unit = jnp.linalg.norm(outward[j])
        row = outward[j] / unit
        line = _Line(objective, likelihood, best, least, z, firth, row, j)
        length = jnp.sqrt(row @ gram.inverse @ row * fitted.problem.total)
        first = jnp.minimum(z * jnp.sqrt(row @ spread @ row), 8 * length)
        distance, steps = _end(line, side, length, jnp.where(first > 0, first, 1))
        return outward[j] @ best + side * jnp.where(known[j], unit * distance, jnp.inf), steps

    sides = jnp.tile(jnp.array([-1, 1], dtype), len(which))
    lanes = (jnp.repeat(jnp.array(which, jnp.int32), 2), sides)
    together = max(1, ROOM // likelihood.columns.size)
    if together >= 2 * len(which):
        ends, steps = jax.vmap(end)(lanes)
    else:
        ends, steps = lax.map(end, lanes, batch_size=together)
    ends = ends.reshape(-1, 2)
    found = jnp.all(~jnp.isnan(ends), axis=1)
    status = jnp.where(found, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS).astype(jnp.int32)
    return ProfileIntervals(ends[:, 0], ends[:, 1], steps.reshape(-1, 2).sum(axis=1), status)


class _Line(NamedTuple):
    """V in turned params, of which one is the param whose end is looked for, but for its unit.

    Params of the columns of one size are Q times the turned ones, and the param is row·Q e_j, where
    Q = Q' = I - 2 v v' / v·v mirrors the row to +-e_j.  So none is far from the others' scale: an
    intercept, say, far from where the examples lie.
    """

    objective: FirthLikelihood | Likelihood
    likelihood: Likelihood
    best: jax.Array  # (p,), where V is least
    least: jax.Array  # V there
    threshold: float  # z
    rises: bool  # whether V is known to rise without bound
    row: jax.Array  # (p,), of norm 1
    j: jax.Array

    @property
    def own(self) -> jax.Array:
        """e_j as bools."""
        return jnp.arange(len(self.row)) == self.j

    @property
    def sign(self) -> jax.Array:
        """Of the turned param against the param."""
        return jnp.where(self.row[self.j] > 0, -1, 1).astype(self.row.dtype)

    def turn(self, array: jax.Array) -> jax.Array:
        """Q times it."""
        v = self.row - self.sign * self.own
        return array - jnp.tensordot(v, 2 / (v @ v) * (v @ array), 0)

    def at(self, turned: jax.Array) -> Point:
        """V and its derivatives in the turned params."""
        value, gradient, hessian = self.objective.at(self.turn(turned))
        return Point(value, self.turn(gradient), self.turn(self.turn(hessian).T))

    def reach(self, change: jax.Array) -> jax.Array:
        """The largest move of a logit by a change of the turned params."""
        return self.likelihood.reach(self.turn(change))

    def noise(self, turned: jax.Array) -> jax.Array:
        """What rounding can make of a derivative of V in the turned param that is 0."""
        slopes = jnp.abs(self.likelihood.slopes(self.turn(turned)))
        terms = slopes @ jnp.abs(self.likelihood.columns) @ jnp.abs(self.row)
        return 16 * jnp.finfo(terms.dtype).eps * terms


class _Search(NamedTuple):
    """How far from the estimate an end is looked for."""

    params: jax.Array  # (p,), from where the others are to settle
    distance: jax.Array  # from the estimate, of the param
    low: jax.Array  # the end lies beyond this distance
    high: jax.Array  # and before this
    done: jax.Array
    values: jax.Array  # of t that were tried
    steps: jax.Array  # evaluations of V


def _end(
    line: _Line, side: jax.Array, length: jax.Array, first: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The distance of an end from the estimate, nan if it was not found, and the steps it took.

    Args:
        line: along which it is looked for.
        side: -1 or 1.
        length: by which the param is to move so that logits differ by about 1 in the mean square.
        first: the distance to try first.
    """
    z, dtype = line.threshold, line.best.dtype
    close = jnp.finfo(dtype).eps ** 0.4 * z
    own, j, side = line.own, line.j, side * line.sign
    tangent = own.astype(dtype)

    def advance(search: _Search) -> _Search:
        rest = descend(line.at, search.params, ~own, line.reach, settled, EVALUATIONS)
        hessian = rest.point.hessian
        slope = side * (rest.point.gradient + hessian @ rest.step)[j]
        deviance = 2 * (rest.point.value - rest.decrement / 2 - line.least)
        root = jnp.sqrt(jnp.maximum(deviance, 0))
        short = root < z
        u = search.distance
        low, high = jnp.where(short, u, search.low), jnp.where(short, search.high, u)
        newton = u + root * (z - root) / jnp.where(slope > 0, slope, 1)
        spread = jnp.where(jnp.isfinite(high), (low + high) / 2, 4 * u)
        inside = (slope > 0) & (newton > low) & (newton < high) & (newton < 4 * u)
        ahead = jnp.where(inside, newton, spread)
        # V is convex: from where it rises it goes on to rise
        level = jnp.abs(slope) <= line.noise(rest.params)
        flat = level & short & (u > CLEAR * length) & (not line.rises)
        ahead = jnp.where(flat, jnp.inf, ahead)
        done = flat | (jnp.abs(root - z) <= close) | jnp.isnan(root)
        curve = tangent - solve_free(hessian, hessian[:, j], ~own)
        follow = rest.params + rest.step + side * (ahead - u) * curve
        return _Search(
            jnp.where(done, search.params, follow),
            jnp.where(jnp.isnan(root), jnp.nan, ahead),
            low,
            high,
            done,
            search.values + 1,
            search.steps + rest.steps,
        )

    def goes_on(search: _Search) -> jax.Array:
        return ~search.done & (search.values < VALUES)

    start = _Search(
        line.turn(line.best) + side * first * tangent,
        first,
        jnp.zeros((), dtype),
        jnp.asarray(jnp.inf, dtype),
        jnp.array(False),
        jnp.int32(0),
        jnp.int32(0),
    )
    found = lax.while_loop(goes_on, advance, start)
    return jnp.where(found.done, found.distance, jnp.nan), found.steps
