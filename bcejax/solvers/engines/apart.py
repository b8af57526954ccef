r"""Labels that a hyperplane tells apart, wholly or in part: products with the inputs alone.

As separation.py says, without a penalty F falls for ever along some u, or has a minimum.  Params
that put each example on its side are such a u.  Where only some examples can be told apart, those
end far out on their side, at logits beyond 7, and all others stay.  What of the params, and of the
direction in which the far ones pull, moves none of the others is found by conjugate gradients:
either may be u, and is taken for it only if the inequalities hold to the rounding of the sums.

If nearly nothing of the pull is left, the others pin the far ones where they are; if much is and no
u is proved, nothing is known.  To that precision either takes many products; so first one solution
for the sum of both tells, as it mostly does, that nothing of it is left.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from bcejax.solvers.engines.columns import Columns
from bcejax.solvers.engines.conjugate import conjugate
from bcejax.solvers.engines.separation import Sides, unit
from bcejax.solvers.matrices import mapped
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import world_of

FAR = 7.0  # logit of which little weight is left
PINNED = 1e-4  # share of a pull that is nothing
NOTHING = 1e-10  # and of a sum in which a column of a few ones in a million may count


def told_apart(problem: Problem, sides: Sides, params: Any) -> tuple[Any, Any, Any]:
    """Whether F falls for ever, along which direction, else 0, and if not whether that is known.

    Args:
        problem: as it came.
        sides: of the problem.
        params: (p,), where a descent ended.

    Example:
        >>> import numpy as np
        >>> from bcejax.solvers.arguments import as_problem
        >>> problem = as_problem([[-1.0], [0.0], [0.0], [1.0]], [0, 0, 1, 1])
        >>> told_apart(problem, Sides.of(problem), np.array([9.0, 0.0]))
        (np.True_, array([1., 0.]), np.False_)
    """
    xp, world = problem.world.xp, problem.world
    alone = xp.append(0 * params[:-1], sides.one_class + 0 * params[-1:])

    def look() -> tuple[Any, Any, Any]:
        whole, ends = unit(params), _Ends.of(problem, sides, params)
        apart = _proves(problem, sides, whole)
        return world.cond(
            apart | ends.hold_all(),
            lambda: (apart, whole, ~apart),
            lambda: _partly(problem, sides, ends),
        )

    falls, direction, pinned = world.cond(
        sides.free & (sides.one_class == 0),
        look,
        lambda: (sides.one_class != 0, alone, sides.one_class == 0),
    )
    return falls, xp.where(falls, direction, 0), pinned


def adrift(norm: Any, reach: Any) -> Any:
    """Whether a gradient norm is less than rounding leaves anywhere while steps still move logits.

    Example:
        >>> bool(adrift(jnp.float32(1e-30), jnp.float32(1)))
        True
    """
    xp, eps = world_of(norm).xp, float(jnp.finfo(norm.dtype).eps)
    return (norm <= eps**1.5) & (reach > 0) & xp.isfinite(reach)


class _Ends(NamedTuple):
    """Where a descent ended, in columns of one size."""

    columns: Columns
    held: Any  # (n,), weights, but 0 of what is far out
    params: Any  # (p,)
    pull: Any  # (p,), of what is far out

    @classmethod
    def of(cls, problem: Problem, sides: Sides, params: Any) -> "_Ends":
        xp, columns = problem.world.xp, Columns.of(problem)
        far = problem.logits(params) * sides.signs > FAR
        pull = columns.gathered(xp.where(far, problem.weights * sides.signs, 0))
        return cls(columns, xp.where(far, 0, problem.weights), columns.inward(params), pull)

    def hold_all(self) -> Any:
        """Whether what is not far out holds all, as one solution tells."""
        # both gain where labels are told apart, so neither hides the other
        both = self.pull + _length(self.pull) / _length(self.params) * self.params
        left = self._less_what_moves(both, NOTHING / 100)
        return left @ left <= NOTHING * (both @ both)

    def free(self, params: Any) -> Any:
        """What of the params moves no example that is held, (p,)."""
        share, world = 16 * float(jnp.finfo(params.dtype).eps), self.columns.problem.world

        # each round takes away what rounding left of the one before
        def again(state: tuple[Any, Any]) -> tuple[Any, Any]:
            return self._less_what_moves(state[0], share), state[1] + 1

        return world.while_loop(lambda state: state[1] < 3, again, (params, world.xp.int32(0)))[0]

    def _less_what_moves(self, params: Any, share: float) -> Any:
        image = self.columns.gathered(self.held * self.columns.moved(params))
        least = self.columns.problem.world.xp.asarray(share, params.dtype)
        return params - conjugate(self.columns, self.held, image, least)


def _length(params: Any) -> Any:
    """The norm, 1 of nothing."""
    xp = world_of(params).xp
    length = xp.linalg.norm(params)
    return xp.where(length > 0, length, 1)


def _partly(problem: Problem, sides: Sides, ends: _Ends) -> tuple[Any, Any, Any]:
    columns, pull = ends.columns, ends.pull
    left, moved = ends.free(pull), ends.free(ends.params)
    pinned = left @ left <= PINNED * (pull @ pull)
    one, two = (_dusted(columns, unit(columns.outward(each))) for each in (left, moved))
    first = _proves(problem, sides, one)
    apart = first | _proves(problem, sides, two)
    return apart, problem.world.xp.where(first, one, two), pinned


def _dusted(columns: Columns, direction: Any) -> Any:
    """The direction with 0 for what hardly moves a logit: it may be rounding, and proofs decide."""
    xp, effects = columns.problem.world.xp, abs(direction) * columns.scales
    least = float(jnp.finfo(effects.dtype).eps) ** 0.5 * xp.max(effects, initial=0)
    return xp.where(effects <= least, 0, direction)


def _proves(problem: Problem, sides: Sides, direction: Any) -> Any:
    """Whether along the direction F falls for ever, beyond what rounding of the sums could make."""
    xp, d = problem.world.xp, problem.inputs.shape[1]
    sizes = mapped(problem.inputs, lambda x, _: abs(x)) @ abs(direction[:d])
    sizes = sizes + xp.sum(abs(direction[d:]))
    slack = max(64, d) * float(jnp.finfo(sizes.dtype).eps) * sizes
    margins = problem.moved(direction)
    margins = xp.where(sides.signs == 0, -xp.abs(margins), sides.signs * margins)
    whole = xp.all((margins > slack) | ~sides.counts)
    clear = xp.max(xp.where(sides.counts, margins - 1000 * xp.max(slack), 0)) > 0
    return whole | (clear & xp.all((margins >= -slack) | ~sides.counts))
