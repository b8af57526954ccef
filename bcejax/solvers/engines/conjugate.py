r"""Conjugate gradients: H d = r by products with the inputs alone.

In the columns of columns.py, H = X' B X + ridge with curvatures B on the diagonal: each round takes
two products.

Source: J. Nocedal and S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 5.2.
"""

from typing import Any, NamedTuple

from bcejax.solvers.engines.columns import Columns

ROUNDS = 250


class _Rounds(NamedTuple):
    step: Any
    rest: Any
    along: Any
    square: Any  # of the rest
    rounds: Any
    convex: Any


def conjugate(columns: Columns, bends: Any, right: Any, share: Any) -> Any:
    """d with |H d - right|^2 <= share |right|^2, or as near as the rounds come.

    Args:
        columns: of which H is made.
        bends: (n,), B.
        right: (p,).
        share: ().

    Example:
        >>> import numpy as np
        >>> from bcejax.solvers.arguments import as_problem
        >>> columns = Columns.of(as_problem([[-4.0], [4.0]], [0, 1]))
        >>> conjugate(columns, np.array([0.5, 0.5]), np.array([8.0, 3.0]), 1e-30)
        array([2., 3.])
    """
    world = columns.problem.world
    xp = world.xp

    def advance(state: _Rounds) -> _Rounds:
        along = state.along
        product = columns.gathered(bends * columns.moved(along)) + columns.ridge * along
        bend = along @ product
        convex = bend > 0
        size = xp.where(convex, state.square / xp.where(convex, bend, 1), 0)
        rest = state.rest - size * product
        square = rest @ rest
        onward = rest + square / state.square * along
        return _Rounds(state.step + size * along, rest, onward, square, state.rounds + 1, convex)

    def goes_on(state: _Rounds) -> Any:
        return state.convex & (state.rounds < ROUNDS) & (state.square > share * whole)

    whole = right @ right
    begun = _Rounds(0 * right, right, right, whole, xp.int32(0), xp.asarray(True))
    end = world.while_loop(goes_on, advance, begun)
    # where H is 0 along the gradient the gradient itself is the way
    return xp.where(xp.any(end.step != 0), end.step, right)
