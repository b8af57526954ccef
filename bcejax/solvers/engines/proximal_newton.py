"""Elastic net in JAX: proximal Newton steps, exact in an orthant.

At params u of columns scaled to mean square 1 and, beside an intercept, moved to mean 0, with slope
G and hessian H of the smooth part of F (problem.py), a step minimises

    q(v) = G·v + v·H v / 2 + sum_j r_j |u_j + v_j|,   r_j = l1 / scale_j, 0 for the intercept

in v and goes along it until F falls (Armijo).  Where there are more than SIZE params, v moves only
those whose derivative misses most what the optimum takes, first of all those that are not 0.

**Least q.**  In an orthant q is quadratic.  The orthant is that of the signs of u + v, and of the
downhill sign where u_j + v_j = 0 and the slope is beyond r_j; the other zeros stay.  A Newton step
in the params that may move is cut off where they change sign, and quartered until q falls; the
signs settle after a few steps, and then the last one is exact, zeros included.  Where H is flat a
step would go far and be cut short; then H gets a ridge, which goes again (Levenberg).

**More than one optimum.**  The logits of the optimum are unique; the coefficients are not where
columns with |derivative| = l1 depend on each other.  Then a ridge that vanishes gives the smallest
coefficients, and the direction along which F does not change is given too.

working_set.py does the same for NumPy arrays, where it can do less for wide inputs.

References:
    J. Lee, Y. Sun and M. Saunders, Proximal Newton-type methods for minimizing composite
    functions (2014).
    D. P. Bertsekas, Projected Newton methods for optimization problems with simple constraints
    (1982).
    R. Tibshirani, The lasso problem and uniqueness (2013).
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits
from bcejax.solvers.engines.apart import told_apart
from bcejax.solvers.engines.factor import scaled_factor
from bcejax.solvers.engines.outcome import Outcome
from bcejax.solvers.engines.pseudoinverse import pseudo_invert
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.matrices import centred
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus

SIZE = 512  # of the hessian at most
TRIALS = 24  # lengths of a step in an orthant, each a quarter of the one before
SOME, BIG = 1e-7, 256.0  # shares of H's diagonal that the ridge begins and ends with
HALVINGS = 40
PATIENCE = 4  # steps without a fall of F or of the gradient norm by a half


class _Point(NamedTuple):
    """A place, in params of the scaled columns."""

    params: jax.Array  # (p,)
    logits: jax.Array  # (n,)
    value: jax.Array  # F, ()
    slope: jax.Array  # (p,), the derivative of the smooth part


class _State(NamedTuple):
    point: _Point
    norm: jax.Array  # the gradient norm, scaled
    slow: jax.Array  # steps since F fell or the norm was halved
    steps: jax.Array
    ridge: jax.Array  # of the hessians of steps, as a share; 0 in the first descent
    pull: jax.Array  # bool: the next step goes to what the ridge, too, makes least
    found: jax.Array  # (p,), where the first descent ended
    judged: jax.Array  # bool: it has
    done: jax.Array  # bool


def proximal_newton(problem: Problem, start: jax.Array, tol: jax.Array, max_steps: int) -> Outcome:
    """The engine of ``solver="proximal_newton"`` for JAX arrays and tracers; made for l1 > 0.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> problem = as_problem(jnp.arange(4.0)[:, None], jnp.array([0, 1, 0, 1]), l1=0.1)
        >>> out = proximal_newton(problem, jnp.zeros(2), 1e-6, 50)
        >>> out.params.round(4), SolverStatus(int(out.status)).name
        (Array([ 0.5003, -0.7504], dtype=float32), 'CONVERGED')
    """
    problem, means = _centred(problem)
    fit = _Fit.of(problem, jnp.asarray(tol, start.dtype), max_steps)
    begun = fit.begin(start.at[-1].add(means @ start))
    state = lax.while_loop(lambda state: ~state.done, fit.stage, begun)
    away = fit.level(state)
    rests = (state.norm <= fit.tol) | (state.steps < max_steps)
    status = jnp.where(rests, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    status = jnp.where(rests & jnp.any(away != 0), SolverStatus.SINGULAR, status)
    params = state.point.params / fit.scales
    apart, endless, pinned = told_apart(problem, Sides.of(problem), params)
    status = jnp.where((status == SolverStatus.CONVERGED) & ~pinned, SolverStatus.MAX_STEPS, status)
    status = jnp.where(apart, SolverStatus.SEPARATED, status)
    status = jnp.where(jnp.isfinite(state.norm), status, SolverStatus.DIVERGED)
    away = jnp.where(apart, endless, jnp.where(rests, away, 0))
    params, away = (each.at[-1].add(-means @ each) for each in (params, away))
    return Outcome(params, state.steps, status.astype(jnp.int32), away)


def _centred(problem: Problem) -> tuple[Problem, jax.Array]:
    """With columns of mean 0 beside an intercept, a copy; and what they were moved by, (p,)."""
    if not problem.intercept:
        return problem, jnp.zeros(problem.inputs.shape[1], problem.inputs.dtype)
    columns, means = centred(problem.inputs, problem.weights)
    return dataclasses.replace(problem, inputs=columns), jnp.append(means, 0)


class _Fit(NamedTuple):
    """One problem in scaled columns."""

    problem: Problem
    scales: jax.Array  # (p,)
    l1: jax.Array  # (p,), r above
    l2: jax.Array  # (p,)
    units: jax.Array  # (p,), 1 / scale^2 as a share of the largest, 0 for the intercept
    tol: jax.Array
    max_steps: int

    @classmethod
    def of(cls, problem: Problem, tol: jax.Array, max_steps: int) -> "_Fit":
        scales = problem.scales()
        counted = problem.penalised(jnp.ones_like(scales))
        least = jnp.min(jnp.where(counted > 0, scales, jnp.inf), initial=jnp.inf)
        units = counted * (least / scales) ** 2
        l1, l2 = problem.l1 * counted / scales, problem.l2 * counted / scales**2
        return cls(problem, scales, l1, l2, units, tol, max_steps)

    def begin(self, start: jax.Array) -> _State:
        point = self.at(start * self.scales)
        norm, none = jnp.max(self.misses(point)), jnp.int32(0)
        no = jnp.array(False)
        return _State(point, norm, none, none, jnp.zeros_like(norm), no, point.params, no, no)

    def stage(self, state: _State) -> _State:
        """Down to rest; where there may be more optima, once more from the smallest."""
        state = lax.while_loop(self.goes_on, self.advance, state)
        rests = (state.norm <= self.tol) & (state.steps < self.max_steps)
        single = (self.problem.l2 > 0) | ~self.depend(state.point)
        again = ~state.judged & rests & ~single
        eps = jnp.finfo(state.norm.dtype).eps
        return state._replace(
            ridge=jnp.where(again, jnp.sqrt(eps), state.ridge),
            pull=again,
            found=jnp.where(state.judged, state.found, state.point.params),
            judged=jnp.array(True),
            done=~again,
        )

    def goes_on(self, state: _State) -> jax.Array:
        # a norm that is nan ends it
        unfinished = (state.norm > self.tol) | state.pull
        return unfinished & (state.slow < PATIENCE) & (state.steps < self.max_steps)

    def advance(self, state: _State) -> _State:
        point = self.step(state)
        norm = jnp.max(self.misses(point))
        better = (point.value < state.point.value) | (norm <= state.norm / 2)
        slow = jnp.where(better, 0, state.slow + 1)
        steps, pull = state.steps + 1, jnp.array(False)
        return state._replace(point=point, norm=norm, slow=slow, steps=steps, pull=pull)

    def step(self, state: _State) -> _Point:
        """To where q is least, or part of the way; all of it if it is pulled."""
        point, norm = state.point, state.norm
        working = self.working_set(point)
        columns = self.columns(working)
        hessian = self.hessian(point, columns) + jnp.diag(self.l2[working])
        u, l1 = point.params[working], self.l1[working]
        # without it, rounding over rounding would go along directions that change nothing
        lift = state.ridge * jnp.max(jnp.diagonal(hessian)) * self.units[working]
        enough = jnp.where(state.pull, 0, jnp.maximum(norm / 10, self.tol / 4))
        slope = point.slope[working] + jnp.where(state.pull, lift * u, 0)
        there = least_in_orthants(hessian + jnp.diag(lift), slope, u, l1, enough)
        move = jnp.zeros_like(point.params).at[working].set(there - u)
        shift = columns @ (there - u)
        fall = point.slope @ move + l1 @ (jnp.abs(there) - jnp.abs(u))
        slack = jnp.where(state.pull, jnp.inf, 8 * jnp.finfo(norm.dtype).eps * point.value)

        def too_high(trial: tuple[jax.Array, jax.Array]) -> jax.Array:
            size, value = trial
            falls = value <= point.value + 1e-4 * size * fall + slack
            return ~falls & (size > 0.5**HALVINGS)

        def halve(trial: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            size = trial[0] / 2
            return size, self.value(point.params + size * move, point.logits + size * shift)

        untried = (jnp.full_like(norm, 2), jnp.full_like(norm, jnp.nan))
        size, _ = lax.while_loop(too_high, halve, untried)
        return self.at(point.params + jnp.where(size > 0.5**HALVINGS, size, 0) * move)

    def at(self, u: jax.Array) -> _Point:
        problem = self.problem
        logits = problem.logits(u / self.scales)
        terms = problem.weights * bce_gradient(logits, problem.labels)
        slope = problem.gathered(terms) / self.scales + self.l2 * u
        return _Point(u, logits, self.value(u, logits), slope)

    def value(self, u: jax.Array, logits: jax.Array) -> jax.Array:
        losses = self.problem.weights @ bce_with_logits(logits, self.problem.labels)
        return losses + self.l2 @ u**2 / 2 + self.l1 @ jnp.abs(u)

    def misses(self, point: _Point) -> jax.Array:
        """How far 0 is from the subdifferential of F, (p,)."""
        pulled = jnp.abs(point.slope + self.l1 * jnp.sign(point.params))
        beyond = jnp.maximum(jnp.abs(point.slope) - self.l1, 0)
        return jnp.where(point.params != 0, pulled, beyond)

    def working_set(self, point: _Point) -> jax.Array:
        """The params to move, at most SIZE."""
        if len(point.params) <= SIZE:
            return jnp.arange(len(point.params))
        misses = self.misses(point)
        moving = (point.params != 0) | (self.l1 == 0)
        first = moving & (jnp.sum(moving) <= SIZE // 2)
        return lax.top_k(jnp.where(first, jnp.inf, misses), SIZE)[1]

    def columns(self, working: jax.Array) -> jax.Array:
        """The columns of these params, scaled, (n, k)."""
        n, d = self.problem.inputs.shape
        if not d:  # the intercept alone
            return jnp.ones((n, len(working)), self.problem.inputs.dtype)
        columns = jnp.take(self.problem.inputs, jnp.minimum(working, d - 1), axis=1)
        return jnp.where(working < d, columns / self.scales[working], 1)

    def hessian(self, point: _Point, columns: jax.Array) -> jax.Array:
        """That of the loss."""
        bends = self.problem.weights * bce_hessian(point.logits)
        exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits
        return jnp.matmul((columns * bends[:, None]).T, columns, precision=exact)

    def face(self, point: _Point) -> jax.Array:
        """Params that may differ among optima, (p,) bool: of columns with |derivative| = l1."""
        slack = 10 * jnp.maximum(self.tol, 1e-9 * jnp.max(self.l1))
        return (point.params != 0) | (jnp.abs(point.slope) >= self.l1 - slack)

    def depend(self, point: _Point) -> jax.Array:
        """Whether the columns of the face hardly have full rank."""
        working = self.working_set(point)
        hessian = self.hessian(point, self.columns(working))
        return scaled_factor(_apart(~self.face(point)[working], hessian)).least < 1e-4

    def level(self, state: _State) -> jax.Array:
        """A direction of params along which F does not change, (p,), 0 where there is none."""
        point, before = state.point, state.found / self.scales
        params = point.params / self.scales

        def look() -> jax.Array:
            working = self.working_set(point)
            held = ((point.params == 0) & (self.l1 > 0))[working]
            hessian = self.hessian(point, self.columns(working))
            null = pseudo_invert(_apart(held, hessian)).null
            most = null[jnp.argmax(jnp.diagonal(null))]
            within = jnp.zeros_like(params).at[working].set(most) / self.scales
            shift = before - params
            eps = float(jnp.finfo(params.dtype).eps)
            size = 10 * eps**0.5 * jnp.max(jnp.abs(before))
            # a place that is merely as good as can be told has other logits
            moved = jnp.sqrt(self.problem.weights @ self.problem.moved(shift) ** 2)
            level = moved <= eps**0.25 * jnp.max(jnp.abs(shift * self.scales))
            shift = jnp.where(level & (jnp.max(jnp.abs(shift)) > size), shift, 0)
            away = jnp.where(jnp.max(jnp.abs(most)) > 0.1, within, shift)
            largest = jnp.max(jnp.abs(away))
            return away / jnp.where(largest > 0, largest, 1)

        moved = jnp.any(point.params != state.found)
        return lax.cond(moved, look, lambda: jnp.zeros_like(params))


def _apart(held: jax.Array, hessian: jax.Array) -> jax.Array:
    """The hessian with the held params apart from the others."""
    return jnp.where(held | held[:, None], jnp.diag(held.astype(hessian.dtype)), hessian)


def least_in_orthants(
    hessian: jax.Array,
    slope: jax.Array,
    start: jax.Array,
    penalties: jax.Array,
    tol: jax.Array,
    max_steps: int = 50,
) -> jax.Array:
    """u + v where q is least, or after ``max_steps`` one where it is less.

    Args:
        hessian: H (m, m), positive semidefinite.
        slope: G (m,), at ``start``.
        start: u (m,).
        penalties: r (m,); a coordinate with 0 is free.
        tol: the largest distance of a derivative from what the minimum takes.
        max_steps: Cholesky factorisations at most.

    Returns:
        (m,), with exact zeros.

    Example:
        >>> least_in_orthants(jnp.eye(2), jnp.array([-3.0, 0.5]), jnp.zeros(2), jnp.ones(2), 1e-6)
        Array([2., 0.], dtype=float32)
    """
    top = jnp.max(jnp.diagonal(hessian), initial=0)
    sizes = 0.25 ** jnp.arange(TRIALS, dtype=start.dtype)[:, None]

    def orthant(x: jax.Array, slope: jax.Array) -> tuple[jax.Array, jax.Array]:
        downhill = jnp.where(jnp.abs(slope) > penalties, -jnp.sign(slope), 0)
        signs = jnp.where(x != 0, jnp.sign(x), downhill)
        return signs, (signs != 0) | (penalties == 0)

    def advance(state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        x, slope, _, steps, ridge = state
        signs, moving = orthant(x, slope)
        rest = jnp.where(moving, slope + penalties * signs, 0)
        lifted = hessian + ridge * top * jnp.eye(len(x), dtype=x.dtype)
        step = -jnp.where(moving, scaled_factor(_apart(~moving, lifted)).solve(rest), 0)
        there = x + sizes * step
        moves = jnp.where(there * signs * penalties < 0, -x, there - x)
        changes = jnp.matmul(moves, hessian, precision=lax.Precision.HIGHEST)
        linear = moves @ rest
        falls = jnp.sum(moves * changes, axis=1) / 2 <= -(1 - 1e-4) * linear
        first = jnp.argmax(falls)
        fell = jnp.any(falls) & jnp.any(moves[first] != 0)
        x = jnp.where(fell, x + moves[first], x)
        # a step that is cut short went where H is flat
        ridge = jnp.where(first == 0, ridge / 16, jnp.minimum(16 * jnp.maximum(ridge, SOME), BIG))
        return x, jnp.where(fell, slope + changes[first], slope), fell, steps + 1, ridge

    def goes_on(state: tuple[jax.Array, ...]) -> jax.Array:
        x, slope, fell, steps, _ = state
        signs, moving = orthant(x, slope)
        rest = jnp.where(moving, slope + penalties * signs, 0)
        return fell & (jnp.max(jnp.abs(rest)) > tol) & (steps < max_steps)

    begin: tuple[jax.Array, ...] = (start, slope, jnp.array(True), jnp.int32(0), 0 * top)
    return lax.while_loop(goes_on, advance, begin)[0]
