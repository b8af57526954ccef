r"""Newton steps for fewer examples than columns, solved among the examples.

With l2 > 0 the optimal coefficients are b = X'a for some a (n,), of sum 0 beside an intercept,
so b is kept in that form.  With v_i = w_i (s(z_i) - y_i) and W = diag(w_i s(z_i) s(-z_i)) the step
of a and of the intercept solves

    (l2 W^-1 + X X') da + dc = -W^-1 (v + l2 a),   sum da = 0,

which is Newton's step of b.  Conjugate gradients, preconditioned by the diagonal and projected onto
sum da = 0, take two products a round.  Where d > n they need far fewer rounds than in b, for the
matrix is hardly worse conditioned than X X', whatever W is: l2 lifts the d - n directions that X
does not see from below, W from above.  Else it is as newton_cg.py: products in float32, the first
steps too; a Wolfe size along each step.

Sources: B. Scholkopf and A. J. Smola, Learning with kernels (2002), section 10.6; N. I. M. Gould,
M. E. Hribar and J. Nocedal, On the solution of equality constrained quadratic programming problems
arising in optimization (2001).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.certificates import duality_gap
from bcejax.solvers.engines.columns import Columns, in_float32
from bcejax.solvers.engines.lbfgs import finished
from bcejax.solvers.engines.line_search import wolfe_size
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.matrices import row_squares
from bcejax.solvers.problem import Problem

ROUNDS = 250  # of conjugate gradients for one step
ROUGH = 0.25  # residual of a step's equation, at most
FINE = 1e-2  # and at least
NARROW = 2e-6  # gradient norm that float32 may reach
SLOW = 0.7  # share of the gradient norm at which float32 steps give up
FLOOR = 1e-6  # least curvature of an example, over the largest


class _State(NamedTuple):
    dual: Any  # (n,): a
    params: Any  # (p,)
    logits: Any  # (n,)
    norm: Any  # () of the gradient
    shrunk: Any  # () the norm over that before
    steps: Any  # () int32
    stuck: Any  # () bool


def dual_newton(problem: Problem, start: Any, tol: Any, max_steps: int) -> Outcome:
    """The engine for wide inputs with l2 > 0, dense or sparse; starts from 0 whatever ``start``."""
    xp, sides = problem.world.xp, Sides.of(problem)
    scales = problem.scales()
    dual, begun = 0 * problem.offset, 0 * start
    if start.dtype == jnp.float32:
        squares = row_squares(problem.inputs)
        end = _descend(problem, problem, scales, squares, dual, begun, tol, max_steps, 1.0, np.inf)
        steps = end.steps
    else:
        narrow = in_float32(problem)
        rough = xp.maximum(tol, NARROW).astype(jnp.float32)
        sizes, none, origin = (each.astype(jnp.float32) for each in (scales, dual, begun))
        squares = row_squares(narrow.inputs)
        first = _descend(narrow, narrow, sizes, squares, none, origin, rough, max_steps, 0.5, SLOW)
        dual = xp.where(xp.isfinite(first.norm), first.dual.astype(dual.dtype), 0)
        dual = dual - xp.mean(dual) if problem.intercept else dual
        begun = problem.gathered(dual)
        if problem.intercept:
            begun = xp.append(begun[:-1], first.params[-1:])
        left = max_steps - first.steps
        end = _descend(problem, narrow, scales, squares, dual, begun, tol, left, 0.0, np.inf)
        steps = first.steps + end.steps
    out = finished(problem, sides, end.params, end.norm <= tol, steps)
    return out._replace(certificate=_certificate(problem, end))


def _certificate(problem: Problem, end: _State) -> Certificate:
    """That of certificates.py, in one pass, for the logits and the gradient norm are known."""
    world, b = problem.world, problem.penalised(end.params)
    losses = problem.weights @ world.losses(end.logits, problem.labels)
    residuals = world.slopes(end.logits, problem.labels)
    gap = duality_gap(problem, end.params, end.logits, residuals)
    return Certificate(losses + (problem.l2 / 2 * b) @ b, end.norm, gap)


def _descend(
    problem: Problem,
    narrow: Problem,
    scales: Any,
    squares: Any,
    dual: Any,
    start: Any,
    tol: Any,
    limit: Any,
    shrunk: float,
    slow: float,
) -> _State:
    """Steps whose equations are solved with the products of ``narrow``.

    Args:
        problem: of which gradients are taken.
        narrow: of which products with the hessian are taken; may be the same.
        scales: Problem.scales.
        squares: (n,), the squared lengths of the rows of ``narrow``.
        dual: (n,), to start from.
        start: (p,), its params.
        tol: bound on the gradient norm.
        limit: bound on the steps.
        shrunk: gradient norm over that before the start: how exact the first step is to be.
        slow: share to which a step must shrink the gradient norm, or be the last.
    """
    world, xp = problem.world, problem.world.xp
    ridge = problem.penalised(0 * start + problem.l2)
    columns = Columns(problem, ridge, 0 * scales, 0 * scales + 1, scales)

    def advance(state: _State) -> _State:
        share = xp.clip(xp.maximum(tol / (4 * state.norm), state.shrunk**2), FINE, ROUGH)
        bends = problem.weights * world.bends(state.logits)
        bends = xp.maximum(bends, FLOOR * xp.max(bends))
        slopes = problem.weights * world.slopes(state.logits, problem.labels)
        right = -(slopes + problem.l2 * state.dual) / bends
        diagonal, right, least = (
            each.astype(squares.dtype) for each in (problem.l2 / bends, right, share**2)
        )
        shift, lift, step, moved = _conjugate(narrow, diagonal, right, least, squares)
        shift, lift = shift.astype(dual.dtype), lift.astype(dual.dtype)
        if narrow is not problem:
            step = problem.gathered(shift)
        step = xp.append(step[:-1], lift) if problem.intercept else step
        moved = moved + lift if narrow is problem else problem.moved(step)
        along = columns.along(state.params, state.logits, step, moved)
        size = wolfe_size(world, along, dual)
        params = state.params + size * step
        logits = columns.advanced(params, state.logits + size * moved, state.steps)
        new = at(state.dual + size * shift, params, logits, state.steps + 1)
        return new._replace(shrunk=new.norm / state.norm, stuck=size == 0)

    def at(dual: Any, params: Any, logits: Any, steps: Any) -> _State:
        norm = columns.norm(columns.gradient(params, logits))
        whole = xp.asarray(shrunk, norm.dtype)
        return _State(dual, params, logits, norm, whole, steps, xp.asarray(False))

    def goes_on(state: _State) -> Any:
        known = xp.isfinite(state.norm) & ~state.stuck
        return known & (state.steps < limit) & (state.norm > tol) & (state.shrunk <= slow)

    return world.while_loop(goes_on, advance, at(dual, start, columns.logits(start), xp.int32(1)))


class _Rounds(NamedTuple):
    step: Any
    columns: Any  # X'da
    moved: Any  # XX'da
    rest: Any
    lift: Any  # dc, as far as known
    along: Any
    square: Any  # rest·(preconditioned rest)
    rounds: Any


def _conjugate(
    narrow: Problem, diagonal: Any, right: Any, share: Any, squares: Any
) -> tuple[Any, Any, Any, Any]:
    """da, dc, X'da and XX'da, when the preconditioned residual's square has shrunk to a share."""
    world, xp = narrow.world, narrow.world.xp
    inverse = 1 / (diagonal + squares)

    def conditioned(rest: Any) -> tuple[Any, Any]:
        lift = 0 * rest[0]
        if narrow.intercept:
            lift = inverse @ rest / xp.sum(inverse)
        return inverse * (rest - lift), lift

    def advance(state: _Rounds) -> _Rounds:
        columns = narrow.penalised(narrow.gathered(state.along))
        moved = narrow.moved(columns)
        image = diagonal * state.along + moved
        size = state.square / (state.along @ image)
        rest = state.rest - size * image
        better, lift = conditioned(rest)
        square = rest @ better
        along = better + square / state.square * state.along
        sums = zip(state[:3], (state.along, columns, moved), strict=True)
        step, columns, moved = (total + size * each for total, each in sums)
        return _Rounds(step, columns, moved, rest, lift, along, square, state.rounds + 1)

    def goes_on(state: _Rounds) -> Any:
        return (state.rounds < ROUNDS) & (state.square > share * whole)

    first, lift = conditioned(right)
    whole = right @ first
    nothing = xp.zeros(narrow.inputs.shape[1] + narrow.intercept, right.dtype)
    begun = _Rounds(0 * right, nothing, 0 * right, right, lift, first, whole, xp.int32(0))
    end = world.while_loop(goes_on, advance, begun)
    return end.step, end.lift, end.columns, end.moved
