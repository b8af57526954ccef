r"""Newton's method on dense columns, with a Cholesky factor of the hessian.

In the columns of standardised.py, with logits z, the hessian is H = rows' W s(z) s(-z) rows + ridge.
b moves by t H^-1 (-G), t = 1, 1/4, 1/16, ..., until F falls by 1e-4 t times the squared decrement
G H^-1 G (Armijo), less what rounding hides; along the step the logits are z + t rows·step, so that
trials cost no pass.  H is factored after its diagonal is made 1 and 8 p eps added to it, which no
column can notice but one that depends on others.

**Rest.**  The gradient norm is at most tol, or what rounding leaves of it, and the next step moves
no logit by more than the cube root of eps, or by 1/4 and steps no longer shrink.  That step is
taken too; what remains is of the order of its square.

**No optimum.**  Where the gradient is small but a step would move a logit by more than 1/4, or
where the params tell all labels apart, or H hardly has full rank, separation.py looks for
directions along which F falls for ever, or does not change.  If there is none the steps go on.

Sources: S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.5; J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), chapter 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.solvers.factor import cholesky_solve, scaled_factor
from bcejax.solvers.newton import weighted_terms
from bcejax.solvers.outcome import Outcome
from bcejax.solvers.problem import Problem
from bcejax.solvers.separation import Sides, dependent_direction, separating_direction, smallest
from bcejax.solvers.standardised import Standardised, standardised
from bcejax.solvers.status import SolverStatus

TRIALS = 40  # of the line search


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
    reach: jax.Array  # the largest shift of an example that counts


class _State(NamedTuple):
    point: _Point
    before: jax.Array  # the reach of the step before
    steps: jax.Array
    tol: jax.Array  # at which to look for directions next
    direction: jax.Array  # (p,), of the problem
    status: jax.Array


def dense_newton(problem: Problem, start: jax.Array, tol: jax.Array, max_steps: int) -> Outcome:
    """The engine of ``solver="newton"``; memory for a copy of the inputs and for (p, p)."""
    work = standardised(problem)
    sides = Sides.of(problem)
    dtype = start.dtype
    eps = jnp.finfo(dtype).eps
    small = eps ** (1 / 3)

    def floor(point: _Point) -> jax.Array:
        bends = jnp.exp(-jnp.abs(point.logits))
        offset = jnp.where(bends > 0, bends * work.offset, 0)
        sizes = jnp.sqrt(jnp.sum(work.weights * offset**2)) + jnp.sum(jnp.abs(point.params)) / 4
        return 8 * eps * (1 + sizes)

    def at_rest(state: _State) -> jax.Array:
        point = state.point
        slow = (point.reach <= 0.25) & (point.reach > state.before / 2)
        still = (point.reach <= small) | slow
        return still & (point.norm <= jnp.maximum(tol, floor(point)))

    def advance(state: _State) -> _State:
        point = state.point
        params = point.params + _length(work, point) * point.step
        return state._replace(
            point=_evaluate(work, params), before=point.reach, steps=state.steps + 1
        )

    def suspect(state: _State) -> jax.Array:
        """Whether directions are to be looked for."""
        point = state.point
        endless = (point.norm <= state.tol) & (point.reach > 0.25)
        return endless | sides.seem_apart(work.moved(point.params))

    def known(state: _State) -> jax.Array:
        return jnp.isfinite(state.point.value) & jnp.all(jnp.isfinite(state.point.gradient))

    def goes_on(state: _State) -> jax.Array:
        return (state.steps < max_steps) & known(state) & ~at_rest(state) & ~suspect(state)

    def examine(state: _State) -> tuple[jax.Array, jax.Array]:
        """A direction along which F falls for ever, or does not change, and the status."""
        point = state.point
        falling, falls = separating_direction(problem, sides, work, point.params, point.step)
        level, rests = dependent_direction(work)
        status = jnp.where(at_rest(state), SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
        flat = (point.least <= 64 * len(start) * eps) & (status == SolverStatus.CONVERGED)
        status = jnp.where(flat, SolverStatus.MAX_STEPS, status)
        status = jnp.where(flat & rests, SolverStatus.SINGULAR, status)
        status = jnp.where(falls, SolverStatus.SEPARATED, status).astype(jnp.int32)
        direction = jnp.where(status == SolverStatus.SINGULAR, level, 0)
        return jnp.where(falls, falling, direction), status

    def plain(state: _State) -> tuple[jax.Array, jax.Array]:
        status = jnp.where(at_rest(state), SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
        return jnp.zeros_like(start), status.astype(jnp.int32)

    def unfinished(state: _State) -> jax.Array:
        running = (state.steps < max_steps) & known(state)
        return running & (state.status == SolverStatus.MAX_STEPS)

    def descend(state: _State) -> _State:
        state = lax.while_loop(goes_on, advance, advance(state))
        flat = state.point.least <= 64 * len(start) * eps
        direction, status = lax.cond(suspect(state) | flat, examine, plain, state)
        tol_next = jnp.minimum(state.tol, state.point.norm) / 1e3
        return state._replace(direction=direction, status=status, tol=tol_next)

    first = _evaluate(work, work.inward(start))
    begun = _State(
        first,
        jnp.asarray(jnp.inf, dtype),
        jnp.int32(1),
        jnp.asarray(tol, dtype),
        jnp.zeros_like(start),
        jnp.int32(SolverStatus.MAX_STEPS),
    )
    end = lax.while_loop(unfinished, descend, begun)
    status = jnp.where(known(end), end.status, SolverStatus.DIVERGED)
    settled = (status == SolverStatus.CONVERGED) | (status == SolverStatus.SINGULAR)
    inner = end.point.params + jnp.where(settled, end.point.step, 0)
    singular = status == SolverStatus.SINGULAR
    params = lax.cond(singular, lambda: smallest(work, inner), lambda: work.outward(inner))
    params = jnp.where(status == SolverStatus.DIVERGED, jnp.nan, params)
    return Outcome(params, end.steps, status.astype(jnp.int32), end.direction)


def _evaluate(work: Standardised, params: jax.Array) -> _Point:
    """All that a step asks for, in one pass and one product more."""
    exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits

    def block(i: jax.Array | int) -> tuple[jax.Array, ...]:
        rows = work.rows[i]
        logits = work.offset[i] + jnp.matmul(rows, params, precision=exact)
        losses, slopes, bends = weighted_terms(logits, work.labels[i], work.weights[i])
        hessian = jnp.matmul((rows * bends[:, None]).T, rows, precision=exact)
        return jnp.sum(losses), jnp.matmul(slopes, rows, precision=exact), hessian, logits

    def add(i: jax.Array, sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        *terms, logits = block(i)
        totals = [total + term for total, term in zip(sums, terms, strict=False)]
        return *totals, sums[-1].at[i].set(logits)

    if len(work.rows) == 1:
        value, gradient, hessian, logits = block(0)
        logits = logits[None]
    else:
        shapes = jax.eval_shape(block, 0)[:3]
        nothing = [jnp.zeros(each.shape, each.dtype) for each in shapes]
        empty = (*nothing, jnp.zeros_like(work.labels))
        value, gradient, hessian, logits = lax.fori_loop(0, len(work.rows), add, empty)
    value = value + work.ridge @ params**2 / 2
    gradient = gradient + work.ridge * params
    step, least = _newton_step(hessian + jnp.diag(work.ridge), gradient)
    shift = work.moved(step)
    reach = jnp.max(jnp.where(work.weights > 0, jnp.abs(shift), 0))
    norm = work.gradient_norm(gradient)
    return _Point(params, logits, value, gradient, step, shift, least, norm, reach)


def _newton_step(hessian: jax.Array, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """-H^-1 G, and the smallest pivot of H with its diagonal made 1."""
    factor, scale, least = scaled_factor(hessian)
    step = -scale * cholesky_solve(factor, scale * gradient)
    return jnp.where(jnp.all(jnp.isfinite(step)), step, -(scale**2) * gradient), least


def _length(work: Standardised, point: _Point) -> jax.Array:
    """How much of the step to take; 0 where no share of it helps."""
    dtype = point.value.dtype
    slope = point.gradient @ point.step
    slack = 8 * jnp.finfo(dtype).eps * point.value

    def enough(size: jax.Array) -> jax.Array:
        logits = point.logits + size * point.shift
        params = point.params + size * point.step
        value = jnp.sum(weighted_terms(logits, work.labels, work.weights)[0])
        value = value + work.ridge @ params**2 / 2
        return value <= point.value + 1e-4 * size * slope + slack

    def shorten(trial: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return trial[0] / 4, trial[1] + 1

    def refused(trial: tuple[jax.Array, jax.Array]) -> jax.Array:
        return ~enough(trial[0]) & (trial[1] < TRIALS)

    one = jnp.ones((), dtype)
    size, trials = lax.while_loop(refused, shorten, (one, jnp.int32(0)))
    return jnp.where(trials < TRIALS, size, 0)
