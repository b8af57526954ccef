r"""L-BFGS: products with the inputs alone, memory for a few params' worth.

In the columns of columns.py, params move by t d, d = -B G, where B, which stands for the inverse
of the hessian, is known by the last steps s_k and the changes of gradient y_k that they made:

    B = (I - r s y')' ... B_0 ... (I - r s y') + r s s' ...,   r = 1 / s·y,   B_0 = s·y / y·y

(the two loops of Nocedal).  t is a Wolfe size of line_search.py, found from the logits, which move
by t X·d; so a step takes two products, whatever the trials.

**Rest.**  The gradient norm is at most tol and the next step moves no logit by more than 1/100; or
no size is good any more, which is rounding: the door judges what was reached.  Without a penalty,
params that put each example on its side, or a gradient that is lost far out, end the descent too,
and apart.py judges where it ended.  If columns depend on each other, of all optima the one is found
that lies nearest to the start in the columns here.

Source: J. Nocedal and S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.4.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.engines.apart import adrift, told_apart
from bcejax.solvers.engines.columns import Columns
from bcejax.solvers.engines.line_search import wolfe_size
from bcejax.solvers.engines.outcome import Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import world_of

MEMORY = 16


class Memory(NamedTuple):
    """The last steps and the changes of gradient that they made, oldest first; 0 where none is.

    Example:
        >>> memory = Memory.empty(jnp.zeros(2)).after(jnp.array([1.0, 0.0]), jnp.array([4.0, 0.0]))
        >>> memory.solve(jnp.array([4.0, 2.0]), lambda rest: rest)
        Array([1., 2.], dtype=float32)
    """

    steps: Any  # (MEMORY, p)
    changes: Any  # (MEMORY, p)

    @classmethod
    def empty(cls, params: Any, size: int = MEMORY) -> "Memory":
        """No steps yet from params."""
        none = world_of(params).xp.zeros((size, len(params)), params.dtype)
        return cls(none, none)

    def after(self, step: Any, change: Any) -> "Memory":
        """The memory after one step more, unless rounding made of it what no convex F has."""
        xp, eps = world_of(step).xp, float(jnp.finfo(step.dtype).eps)
        keep = step @ change > eps * xp.linalg.norm(step) * xp.linalg.norm(change)
        steps, changes = (
            xp.where(keep, xp.concatenate([old[1:], new[None]]), old)
            for old, new in ((self.steps, step), (self.changes, change))
        )
        return Memory(steps, changes)

    def solve(self, gradient: Any, first: Callable[[Any], Any]) -> Any:
        """B G, where ``first`` multiplies by B_0."""
        world, size = world_of(gradient), len(self.steps)
        xp, places = world.xp, np.arange(size)
        along = xp.sum(self.steps * self.changes, axis=1)
        shares = xp.where(along > 0, 1 / xp.where(along > 0, along, 1), 0)

        def down(carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            k, rest, lengths = carry
            length = shares[k] * (self.steps[k] @ rest)
            lengths = xp.where(places == k, length, lengths)
            return k - 1, rest - length * self.changes[k], lengths

        def up(carry: tuple[Any, Any]) -> tuple[Any, Any]:
            k, result = carry
            length = lengths[k] - shares[k] * (self.changes[k] @ result)
            return k + 1, result + length * self.steps[k]

        last = xp.int32(size - 1), gradient, 0 * shares
        _, rest, lengths = world.while_loop(lambda carry: carry[0] >= 0, down, last)
        begun = xp.int32(0), first(rest)
        return world.while_loop(lambda carry: carry[0] < size, up, begun)[1]

    def scale(self) -> Any:
        """s·y / y·y of the last step, 1 before the first."""
        xp = world_of(self.steps).xp
        along, length = self.steps[-1] @ self.changes[-1], self.changes[-1] @ self.changes[-1]
        return xp.where(length > 0, along / xp.where(length > 0, length, 1), 1)


class _State(NamedTuple):
    params: Any  # (p,) of the columns of one size
    logits: Any  # (n,)
    gradient: Any  # (p,)
    step: Any  # (p,), to take next
    shift: Any  # (n,), of the logits, by the step
    memory: Memory
    steps: Any  # () int32
    stuck: Any  # () bool: no size is good


def lbfgs(problem: Problem, start: Any, tol: Any, max_steps: int) -> Outcome:
    """The engine of ``solver="lbfgs"``; dense or sparse inputs, memory for 40 params."""
    world, columns, sides = problem.world, Columns.of(problem), Sides.of(problem)
    xp = world.xp

    def onward(
        params: Any, logits: Any, gradient: Any, memory: Memory, steps: Any, stuck: Any
    ) -> _State:
        step = -memory.solve(gradient, lambda rest: memory.scale() * rest)
        return _State(params, logits, gradient, step, columns.moved(step), memory, steps, stuck)

    def advance(state: _State) -> _State:
        old, logits, gradient, step, shift, memory, steps, _ = state
        size = wolfe_size(world, columns.along(old, logits, step, shift), start)
        params = old + size * step
        logits = columns.advanced(params, logits + size * shift, steps)
        new = columns.gradient(params, logits)
        memory = memory.after(params - old, new - gradient)
        return onward(params, logits, new, memory, steps + 1, size == 0)

    def small(state: _State) -> Any:
        return columns.norm(state.gradient) <= tol

    def modest(state: _State) -> Any:
        return xp.max(xp.where(sides.counts, xp.abs(state.shift), 0)) <= 0.01

    def goes_on(state: _State) -> Any:
        known = xp.all(xp.isfinite(state.gradient)) & ~state.stuck
        reach = xp.max(xp.abs(state.shift))
        apart = sides.seem_apart(state.logits - problem.offset)
        apart = apart | adrift(columns.norm(state.gradient), reach)
        return known & (state.steps < max_steps) & ~(small(state) & modest(state)) & ~apart

    inner = columns.inward(start)
    logits = columns.logits(inner)
    gradient = columns.gradient(inner, logits)
    begun = onward(inner, logits, gradient, Memory.empty(inner), xp.int32(1), xp.asarray(False))
    end = world.while_loop(goes_on, advance, begun)
    rests = (small(end) | end.stuck) & modest(end)
    return finished(problem, sides, columns.outward(end.params), rests, end.steps)


def finished(problem: Problem, sides: Sides, params: Any, rests: Any, steps: Any) -> Outcome:
    """The outcome of an engine without a hessian, with the direction if labels are told apart.

    Args:
        problem: as it came.
        sides: of the problem.
        params: (p,), where the descent ended.
        rests: () bool: it found no more to gain.
        steps: () int32.
    """
    xp = problem.world.xp
    apart, direction, pinned = told_apart(problem, sides, params)
    status = xp.where(rests & pinned, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    status = xp.where(apart, SolverStatus.SEPARATED, status)
    known = xp.all(xp.isfinite(params))
    status = xp.where(known, status, SolverStatus.DIVERGED).astype(xp.int32)
    return Outcome(params, xp.asarray(steps, xp.int32), status, direction)
