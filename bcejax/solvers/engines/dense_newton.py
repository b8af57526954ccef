r"""Newton's method on dense columns, with a Cholesky factor of the hessian.

In the columns of standardised.py, at logits z, the hessian H is rows' W s(z) s(-z) rows + ridge.
b moves by t H^-1 (-G), t = 1, 1/4, 1/16, ..., until F falls by 1e-4 t times the squared decrement
G H^-1 G (Armijo), less what rounding hides.  Along the step s the logits are z + t rows·s, so
trials cost no pass.

**Rest.**  The gradient norm is at most tol, or what rounding leaves of it, and the next step moves
no logit by more than the cube root of eps (or tol), or by 1/4 and steps no longer shrink.  That
step is taken too; what remains is of the order of its square.

**No optimum.**  Where the gradient is small but a step would move a logit by more than 1/4, or
where the params tell all labels apart, or H hardly has full rank, separation.py looks for
directions along which F falls for ever, or does not change.  If there is none the steps go on.

Sources: S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.5; J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), chapter 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.solvers.engines.factor import scaled_factor
from bcejax.solvers.engines.outcome import Outcome
from bcejax.solvers.engines.separation import Sides, examine
from bcejax.solvers.engines.standardised import Standardised, standardised
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import world_of

TRIALS = 40  # of the line search
ALOFT = 100.0  # a logit so far off tells nothing of where the optimum is
FAR = 0.25  # a step that moves a logit further does not end at an optimum


class _Point(NamedTuple):
    """Params of the standardised columns, F and its derivatives there, and the step to take."""

    params: jax.Array  # (p,)
    logits: jax.Array  # (blocks, length)
    value: jax.Array
    gradient: jax.Array  # (p,)
    step: jax.Array  # (p,)
    shift: jax.Array  # (blocks, length), of the logits, by the step
    least: jax.Array  # the smallest pivot of the scaled hessian
    norm: jax.Array  # scaled, of the gradient
    floor: jax.Array  # what rounding can leave of it
    reach: jax.Array  # the largest shift of an example that counts

    def known(self) -> jax.Array:
        xp = world_of(self.gradient).xp
        return xp.isfinite(self.value) & xp.all(xp.isfinite(self.gradient))


class _State(NamedTuple):
    point: _Point
    before: jax.Array  # the reach of the step before
    steps: jax.Array
    tol: jax.Array  # the gradient norm at which to look for directions
    judged: jax.Array  # bool
    params: jax.Array  # (p,), of the problem, once judged; likewise what follows
    direction: jax.Array  # (p,)
    status: jax.Array


def dense_newton(problem: Problem, start: jax.Array, tol: jax.Array, max_steps: int) -> Outcome:
    """The engine of ``solver="newton"``; memory for a copy of the inputs and for (p, p)."""
    world = problem.world
    descent = _Descent(problem, standardised(problem), Sides.of(problem), tol, max_steps)

    def stage(state: _State) -> _State:
        return descent.judge(world.while_loop(descent.goes_on, descent.advance, state))

    end = world.while_loop(descent.unfinished, stage, descent.begin(start))
    return Outcome(end.params, end.steps, end.status, end.direction)


class _Descent(NamedTuple):
    """One problem, and when to do what."""

    problem: Problem
    work: Standardised
    sides: Sides
    tol: jax.Array
    max_steps: int

    def begin(self, start: jax.Array) -> _State:
        """From here the first step goes to the start."""
        xp = self.work.world.xp
        nothing, inf = xp.zeros_like(start), xp.asarray(xp.inf, start.dtype)
        level, one = xp.zeros_like(self.work.labels), xp.ones_like(inf)
        inner = self.work.inward(start)
        point = _Point(inner, level, inf, nothing, nothing, level, one, inf, inf, inf)
        status = xp.int32(SolverStatus.MAX_STEPS)
        judged = xp.array(True)
        bar = xp.maximum(self.tol, float(jnp.finfo(start.dtype).eps) ** 0.6)
        return _State(point, inf, xp.int32(0), bar, judged, start, nothing, status)

    def unfinished(self, state: _State) -> jax.Array:
        return (state.steps < self.max_steps) & (state.status == SolverStatus.MAX_STEPS)

    def goes_on(self, state: _State) -> jax.Array:
        stop = ~state.point.known() | self._at_rest(state) | self._suspect(state)
        return (state.steps < self.max_steps) & (state.judged | ~stop)

    def advance(self, state: _State) -> _State:
        point = state.point
        params = point.params + _length(self.work, point) * point.step
        return state._replace(
            point=_evaluate(self.work, params),
            before=point.reach,
            steps=state.steps + 1,
            judged=state.judged & False,
        )

    def judge(self, state: _State) -> _State:
        """What the fit is if it ends here; with a lower bar for the next time."""
        xp, point, rests = self.work.world.xp, state.point, self._at_rest(state)
        inner = point.params + xp.where(rests, point.step, 0)
        flat = point.least <= 64 * len(inner) * jnp.finfo(inner.dtype).eps
        moved = xp.abs(point.logits - self.work.offset)
        furthest = xp.max(xp.where(self.work.weights > 0, moved, 0))
        plain = xp.where(rests, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
        plain = xp.where(point.known(), plain, SolverStatus.DIVERGED)

        def look() -> tuple[jax.Array, jax.Array, jax.Array]:
            # far out nothing bends, and a short step is dust: then the params themselves tell more
            scaled = inner * (100 * FAR / xp.where(furthest > 0, furthest, 1))
            step = xp.where(point.reach <= FAR, scaled, point.step)
            found = examine(self.problem, self.sides, self.work, inner, step)
            status = xp.where(flat & rests & found.is_level, SolverStatus.SINGULAR, plain)
            status = xp.where(found.falls, SolverStatus.SEPARATED, status)
            singular = status == SolverStatus.SINGULAR
            direction = xp.where(singular, found.level, 0)
            params = xp.where(singular, found.smallest, self.work.outward(inner))
            return params, xp.where(found.falls, found.falling, direction), status

        def pass_by() -> tuple[jax.Array, jax.Array, jax.Array]:
            return self.work.outward(inner), xp.zeros_like(inner), plain

        wanted = point.known() & (self._suspect(state) | flat | (furthest > ALOFT))
        params, direction, status = self.work.world.cond(wanted, look, pass_by)
        return state._replace(
            params=xp.where(status == SolverStatus.DIVERGED, xp.nan, params),
            direction=direction,
            status=status.astype(xp.int32),
            tol=xp.minimum(state.tol, point.norm) / 1e3,
            judged=state.judged | True,
        )

    def _at_rest(self, state: _State) -> jax.Array:
        xp, point, eps = self.work.world.xp, state.point, float(jnp.finfo(state.before.dtype).eps)
        slow = (point.reach <= FAR) & (point.reach > state.before / 2)
        still = (point.reach <= xp.clip(self.tol, eps ** (1 / 3), FAR)) | slow
        return still & (point.norm <= xp.maximum(self.tol, point.floor))

    def _suspect(self, state: _State) -> jax.Array:
        """Whether directions are to be looked for."""
        point = state.point
        endless = (point.norm <= state.tol) & (point.reach > FAR)
        return endless | self.sides.seem_apart(point.logits - self.work.offset)


def _evaluate(work: Standardised, params: jax.Array) -> _Point:
    """All that a step asks for."""
    world, xp = work.world, work.world.xp
    logits = work.offset + work.moved(params)
    bends = world.bends(logits)
    floor, bends = work.rounding(bends, params), work.weights * bends

    def curvature(i: ArrayLike) -> jax.Array:
        return world.matmul((work.rows[i] * bends[i][:, None]).T, work.rows[i])

    hessian = world.add_up(curvature, len(work.rows)) + xp.diag(work.ridge)
    slopes = work.weights * world.slopes(logits, work.labels)
    gradient = work.gathered(slopes) + work.ridge * params
    step, least = _newton_step(hessian, gradient)
    shift = work.moved(step)
    reach = xp.max(xp.where(work.weights > 0, xp.abs(shift), 0))
    value, norm = _value(work, logits, params), work.gradient_norm(gradient)
    return _Point(params, logits, value, gradient, step, shift, least, norm, floor, reach)


def _value(work: Standardised, logits: jax.Array, params: jax.Array) -> jax.Array:
    xp = work.world.xp
    losses = xp.sum(work.weights * work.world.losses(logits, work.labels))
    return losses + work.ridge @ params**2 / 2


def _newton_step(hessian: jax.Array, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """-H^-1 G, and the smallest pivot of H with its diagonal made 1."""
    xp = world_of(hessian).xp
    factor = scaled_factor(hessian)
    step = -factor.solve(gradient)
    return xp.where(xp.all(xp.isfinite(step)), step, -(factor.scale**2) * gradient), factor.least


def _length(work: Standardised, point: _Point) -> jax.Array:
    """How much of the step to take; 0 where no share of it helps."""
    world, dtype = work.world, point.value.dtype
    slope = point.gradient @ point.step
    slack = 8 * jnp.finfo(dtype).eps * point.value

    def enough(size: jax.Array) -> jax.Array:
        logits = point.logits + size * point.shift
        params = point.params + size * point.step
        return _value(work, logits, params) <= point.value + 1e-4 * size * slope + slack

    def shorten(trial: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return trial[0] / 4, trial[1] + 1

    def refused(trial: tuple[jax.Array, jax.Array]) -> jax.Array:
        return ~enough(trial[0]) & (trial[1] < TRIALS)

    one = world.xp.ones((), dtype)
    size, trials = world.while_loop(refused, shorten, (one, world.xp.int32(0)))
    return world.xp.where(trials < TRIALS, size, 0)
