r"""Newton steps by conjugate gradients: products with the inputs alone, for many columns.

In the columns of columns.py the step d of H d = -G is found by conjugate gradients, each of which
takes two products, H v = X' W s(z) s(-z) X v + ridge v, until the residual has shrunk to a share of
G; params move by a Wolfe size of line_search.py along d.

Where the problem is in float64 the products are taken in float32, of which H needs no more, and so
are the first steps altogether, down to a gradient norm of 1e-5: most passes read half as much.
Where a float32 step does not halve the gradient norm, the products become float64.

**Rest** is that of lbfgs.py, but of the last step in place of the next, and with 1/4 for 1/100.
What is said without a penalty is as there.

Sources: R. S. Dembo, S. C. Eisenstat and T. Steihaug, Inexact Newton methods (1982); J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), section 7.1.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.engines.apart import adrift
from bcejax.solvers.engines.columns import Columns
from bcejax.solvers.engines.conjugate import conjugate
from bcejax.solvers.engines.dual import dual_lbfgs
from bcejax.solvers.engines.lbfgs import finished
from bcejax.solvers.engines.line_search import wolfe_size
from bcejax.solvers.engines.outcome import Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import NUMPY

ROUGH = 0.25  # residual of a step's equation over the gradient, at most
FINE = 1e-3  # and at least
NARROW = 1e-5  # gradient norm that float32 reaches
LIGHT = 4  # steps of dual.py that take as many products as one here, or fewer
MODEST = 0.25  # move of a logit by a last step


class _State(NamedTuple):
    params: Any  # (p,) of the columns of one size
    logits: Any  # (n,)
    gradient: Any  # (p,)
    norm: Any  # () of the gradient
    shrunk: Any  # () the norm over that before
    reach: Any  # () the largest move of a logit by the last step
    wide: Any  # () bool: products in the dtype of the problem
    steps: Any  # () int32
    stuck: Any  # () bool: no size is good


def newton_cg(problem: Problem, start: Any, tol: Any, max_steps: int) -> Outcome:
    """The engine of ``solver="newton_cg"``; dense or sparse inputs, a float32 copy of them.

    On the host, fewer examples than columns, with a ridge and nowhere to start, begin with dual.py.
    """
    n, d = problem.inputs.shape
    if problem.world is NUMPY and d > n and problem.l2 > 0 and not np.any(start[:d]):
        out = dual_lbfgs(problem, start, tol, LIGHT * max_steps)
        if out.status != SolverStatus.MAX_STEPS:
            return out._replace(steps=-(-out.steps // LIGHT))
        start = out.params if np.isfinite(out.params).all() else start
    xp, columns, sides = problem.world.xp, Columns.of(problem), Sides.of(problem)
    inner = columns.inward(start)
    if start.dtype == jnp.float32:
        end = _descend(columns, columns, sides, inner, tol, max_steps, MODEST, 1.0)
        steps = end.steps
    else:
        narrow = columns.narrowed()
        rough = xp.maximum(tol, NARROW).astype(jnp.float32)
        begun = inner.astype(jnp.float32)
        first = _descend(narrow, narrow, sides, begun, rough, max_steps, np.inf, 1.0)
        good = xp.all(xp.isfinite(first.params))
        inner = xp.where(good, first.params.astype(inner.dtype), inner)
        end = _descend(columns, narrow, sides, inner, tol, max_steps - first.steps, MODEST, 0.0)
        steps = xp.minimum(first.steps + end.steps, max_steps)
    rests = ((end.norm <= tol) | end.stuck) & (end.reach <= MODEST)
    return finished(problem, sides, columns.outward(end.params), rests, steps)


def _descend(
    columns: Columns,
    narrow: Columns,
    sides: Sides,
    start: Any,
    tol: Any,
    limit: Any,
    modest: float,
    shrunk: float,
) -> _State:
    """Steps whose equations are solved in the columns of ``narrow``, or where that fails here.

    Args:
        columns: of which gradients are taken.
        narrow: of which products with the hessian are taken; may be the same.
        sides: of the labels.
        start: (p,).
        tol: bound on the gradient norm.
        limit: bound on the steps.
        modest: bound on the move of a logit by the last step.
        shrunk: gradient norm over that before the start: how exact the first step is to be.
    """
    problem = columns.problem
    world, xp = problem.world, problem.world.xp

    def step_of(state: _State) -> Any:
        """H^-1 (-G), no better than tol asks for, or than the last step did."""
        share = xp.clip(xp.maximum(tol / (4 * state.norm), state.shrunk**2), FINE, ROUGH)
        bends = problem.weights * world.bends(state.logits)
        length = xp.linalg.norm(state.gradient)
        unit = -state.gradient / xp.where(length > 0, length, 1)

        def solved(inner: Columns) -> Any:
            dtype = inner.ridge.dtype
            least = (share * share).astype(dtype)
            step = conjugate(inner, bends.astype(dtype), unit.astype(dtype), least)
            return length * step.astype(state.params.dtype)

        if narrow is columns:
            return solved(columns)
        return world.cond(state.wide, lambda: solved(columns), lambda: solved(narrow))

    def advance(state: _State) -> _State:
        step = step_of(state)
        shift = columns.moved(step)
        along = columns.along(state.params, state.logits, step, shift)
        size = wolfe_size(world, along, start)
        params = state.params + size * step
        logits = columns.advanced(params, state.logits + size * shift, state.steps)
        new = at(params, logits, state.steps + 1)
        reach = xp.max(xp.where(sides.counts, xp.abs(size * shift), 0))
        shrunk = new.norm / state.norm
        wide, stuck = state.wide | (shrunk > 0.5), (size == 0) & state.wide
        return new._replace(reach=reach, shrunk=shrunk, wide=wide, stuck=stuck)

    def at(params: Any, logits: Any, steps: Any) -> _State:
        gradient = columns.gradient(params, logits)
        norm = columns.norm(gradient)
        wide, stuck = xp.asarray(narrow is columns), xp.asarray(False)
        far, whole = norm + np.inf, xp.asarray(shrunk, norm.dtype)
        return _State(params, logits, gradient, norm, whole, far, wide, steps, stuck)

    def goes_on(state: _State) -> Any:
        known = xp.all(xp.isfinite(state.gradient)) & ~state.stuck
        rests = (state.norm <= tol) & (state.reach <= modest)
        apart = sides.seem_apart(state.logits - problem.offset) | adrift(state.norm, state.reach)
        return known & (state.steps < limit) & ~rests & ~apart

    return world.while_loop(goes_on, advance, at(start, columns.logits(start), xp.int32(1)))
