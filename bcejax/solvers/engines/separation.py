r"""Directions along which a fit has no single optimum, with a proof for each.

Without a penalty F has a minimum unless some u, u_0 gives

    x_i·u + u_0 >= 0 for label 1,   <= 0 for label 0,   = 0 for a soft label,

and not 0 for all: along it F falls for ever (Albert and Anderson: complete separation, if no
example gives 0, else quasi-complete).  Where l2 or l1 is not 0 only the intercept is free, and u
is (0, +-1), where all labels are 1, or all are 0.

**Finding u.**  Params that put every example on its side are such a u.  For the quasi-complete
case take the last Newton step, which far out tends to u times a factor: examples that it moves by
less than 1/4 are held to give 0, and the step is projected onto what leaves them alone.

**Proof.**  u counts where the inequalities hold at every example that has weight, to the rounding
of the sums, and all hold by more, or one by 1000 times the largest rounding.  So a direction that
is given is right, whatever way it was found.

Sources: A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in logistic
regression models (1984); K. Konis, Linear programming algorithms for detecting separated data in
binary logistic regression models (2007).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bcejax.solvers.engines.factor import scaled_factor
from bcejax.solvers.engines.standardised import Standardised
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import world_of


class Sides(NamedTuple):
    """Where each example wants its logit: 1 up, -1 down, 0 where it is; (n,)."""

    signs: jax.Array
    counts: jax.Array  # bool: has weight
    free: jax.Array  # () bool: nothing is penalised
    one_class: jax.Array  # () int32: 1 or -1 where an intercept alone tells all labels, else 0

    @classmethod
    def of(cls, problem: Problem) -> "Sides":
        """The sides of a problem."""
        xp, y, counts = problem.world.xp, problem.labels, problem.weights > 0
        signs = xp.where(y == 1, 1, xp.where(y == 0, -1, 0)).astype(y.dtype)
        free = (problem.l2 == 0) & (problem.l1 == 0)
        up, down = (xp.all((signs == side) | ~counts) for side in (1, -1))
        one_class = xp.where(up, 1, xp.where(down, -1, 0)) * problem.intercept
        return cls(signs, counts, free, one_class)

    def seem_apart(self, moved: jax.Array) -> jax.Array:
        """Whether params that move the logits so tell all labels apart."""
        xp = world_of(moved).xp
        flat = moved.ravel()[: len(self.signs)]
        apart = xp.all((flat * self.signs > 0) | ~self.counts)
        return apart & self.free | (self.one_class != 0)


class Findings(NamedTuple):
    """Directions of a problem's params; see ``examine``."""

    falling: jax.Array  # (p,), along which F falls for ever
    falls: jax.Array  # () bool: whether it does
    level: jax.Array  # (p,), along which no logit moves
    is_level: jax.Array  # () bool: whether that is so
    smallest: jax.Array  # (p,): params with the same logits whose coefficients are the smallest


def examine(
    problem: Problem, sides: Sides, work: Standardised, inner: jax.Array, step: jax.Array
) -> Findings:
    """Look for directions along which there is no single optimum.

    Args:
        problem: as it came.
        sides: of the problem.
        work: the problem standardised.
        inner: (p,), params of the standardised columns, where the descent has come to.
        step: (p,), the Newton step from there.
    """
    xp = work.world.xp
    tied = _tied_rows(work, sides, step)
    rows = work.rows.reshape(-1, len(step))
    gram = (rows * work.weights.reshape(-1, 1)).T @ rows + xp.diag(work.ridge)
    values, vectors = xp.linalg.eigh(xp.stack([tied.T @ tied, gram]))
    ranked = values > _rank_slack(values)
    inverse = xp.where(ranked[0], 1 / xp.where(ranked[0], values[0], 1), 0)
    # each round takes away what rounding left of the one before
    for _ in range(2):
        step = step - vectors[0] @ (inverse * (vectors[0].T @ (tied.T @ (tied @ step))))
    step = xp.where(sides.seem_apart(work.moved(inner)), inner, step)
    falling = _dusted(work, unit(work.outward(step)))
    alone = sides.one_class != 0
    falls = alone | (sides.free & _falls(problem, sides, work, falling))
    falling = xp.where(alone, xp.append(xp.zeros_like(step[1:]), sides.one_class), falling)
    # of a column that is 0 other parameters have no share but what rounding leaves of them
    dust = xp.abs(vectors[1]) <= jnp.finfo(vectors.dtype).eps
    null = xp.where(ranked[1] | dust, 0, vectors[1])
    # eigenvalues ascend, so that the first is 0 if any is
    level, smallest = unit(work.outward(null[:, 0])), _smallest(work, inner, null)
    is_level = ~ranked[1, 0] & _moves_none(work, vectors[1, :, 0])
    return Findings(falling, falls, level, is_level, smallest)


def _tied_rows(work: Standardised, sides: Sides, step: jax.Array) -> jax.Array:
    """(n, p): the rows of examples that a falling direction does not move, as it seems, else 0."""
    xp, rows = work.world.xp, work.rows.reshape(-1, len(step))[: len(sides.signs)]
    tied = (xp.abs(rows @ step) < 0.25) | (sides.signs == 0)
    return xp.where((tied & sides.counts)[:, None], rows, 0)


def _rank_slack(values: jax.Array) -> jax.Array:
    """The eigenvalues that rounding of a matrix can make of 0."""
    share = jnp.finfo(values.dtype).eps * (32 + values.shape[-1] / 8)
    return share * values[..., -1:]


def _moves_none(work: Standardised, direction: jax.Array) -> jax.Array:
    """Whether no logit moves but by rounding; eigenvalues, as squares, tell half the digits.

    Of its digits the direction lacks what other columns that nearly depend take from it.
    """
    xp = work.world.xp
    moved = xp.where(work.weights > 0, xp.abs(work.moved(direction)), 0)
    dust = len(direction) * float(jnp.finfo(moved.dtype).eps) ** (2 / 3)
    return xp.max(moved) <= dust * xp.max(xp.abs(work.rows))


def unit(params: Any) -> Any:
    """Params (p,) as a direction, whose largest entry is 1 or -1; 0 stays 0.

    Example:
        >>> import numpy as np
        >>> unit(np.array([1.0, -4.0]))
        array([ 0.25, -1.  ])
    """
    xp = world_of(params).xp
    sizes = xp.abs(params)
    largest = xp.max(sizes)
    # not by division: XLA may compute an entry twice, and round it otherwise
    chosen = xp.arange(len(sizes)) == xp.argmax(sizes)
    return xp.where(chosen, xp.sign(params), params / xp.where(largest > 0, largest, 1))


def _dusted(work: Standardised, direction: jax.Array) -> jax.Array:
    """The direction with 0 where rounding could have made an entry of 0."""
    xp = work.world.xp
    effects = xp.abs(direction) * work.scales
    dust = 64 * jnp.finfo(effects.dtype).eps * xp.max(effects)
    return xp.where(effects <= dust, 0, direction)


def _falls(problem: Problem, sides: Sides, work: Standardised, direction: jax.Array) -> jax.Array:
    """The proof."""
    xp = work.world.xp
    margins = problem.moved(direction)
    sizes = xp.abs(problem.inputs) @ xp.abs(direction[: problem.inputs.shape[1]])
    sizes = sizes + xp.abs(direction[-1]) + xp.abs(work.means) @ xp.abs(direction)
    slack = max(64, len(direction)) * jnp.finfo(sizes.dtype).eps * sizes
    signed = xp.where(sides.signs == 0, -xp.abs(margins), sides.signs * margins)
    absent = ~sides.counts
    # a direction that moves nothing leaves dust, which its own size would not betray
    clear = xp.max(xp.where(absent, 0, signed - 1000 * xp.max(slack))) > 0
    return xp.all((signed > slack) | absent) | (clear & xp.all((signed >= -slack) | absent))


def _smallest(work: Standardised, inner: jax.Array, null: jax.Array) -> jax.Array:
    """Of params that differ by columns of ``null`` those whose coefficients have the least norm."""
    xp = work.world.xp
    penalised = xp.ones_like(inner)
    if work.intercept:
        penalised = xp.append(penalised[:-1], 0)
    directions, b = (penalised / work.sizes)[:, None] * null, penalised * inner / work.sizes
    lengths = xp.sqrt(xp.sum(directions**2, axis=0))
    lengths = xp.where(lengths > 0, lengths, 1)
    directions = directions / lengths
    shares = scaled_factor(directions.T @ directions).solve(directions.T @ b)
    return work.outward(inner - null @ (shares / lengths))
