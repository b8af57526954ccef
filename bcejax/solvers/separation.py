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
of the sums, and one holds by 1000 times that.  So a direction that is given is right, whatever
way it was found.

Sources: A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in logistic
regression models (1984); K. Konis, Linear programming algorithms for detecting separated data in
binary logistic regression models (2007).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.solvers.problem import Problem
from bcejax.solvers.standardised import Standardised


class Sides(NamedTuple):
    """Where each example wants its logit: 1 up, -1 down, 0 where it is; (n,)."""

    signs: jax.Array
    counts: jax.Array  # bool: has weight
    free: jax.Array  # () bool: nothing is penalised
    one_class: jax.Array  # () int32: 1 or -1 where an intercept alone tells all labels, else 0

    @classmethod
    def of(cls, problem: Problem) -> "Sides":
        y, counts = problem.labels, problem.weights > 0
        signs = jnp.where(y == 1, 1, jnp.where(y == 0, -1, 0)).astype(y.dtype)
        free = (problem.l2 == 0) & (problem.l1 == 0)
        up, down = (jnp.all((signs == side) | ~counts) for side in (1, -1))
        one_class = jnp.where(up, 1, jnp.where(down, -1, 0)) * problem.intercept
        return cls(signs, counts, free, one_class)

    def seem_apart(self, moved: jax.Array) -> jax.Array:
        """Whether params that move the logits so tell all labels apart."""
        flat = moved.ravel()[: len(self.signs)]
        apart = jnp.all((flat * self.signs > 0) | ~self.counts)
        return apart & self.free | (self.one_class != 0)


def separating_direction(
    problem: Problem, sides: Sides, work: Standardised, params: jax.Array, step: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """A direction of the problem's params along which F falls for ever, and whether it does.

    Args:
        problem: as it came.
        sides: of the problem.
        work: the problem standardised.
        params: of the standardised columns, far out.
        step: the Newton step from there.
    """
    alone = jnp.zeros_like(params).at[-1].set(sides.one_class)
    apart = _unit(work, params)
    projected = _unit(work, _project(work, sides, step))
    found = alone
    proven = sides.one_class != 0
    for candidate in (apart, projected):
        good = sides.free & _falls(problem, sides, work, candidate)
        found = jnp.where(good & ~proven, candidate, found)
        proven = proven | good
    return jnp.where(proven, found, 0), proven


def _unit(work: Standardised, inner: jax.Array) -> jax.Array:
    """As a direction of the problem whose largest entry is 1."""
    outer = work.outward(inner)
    largest = jnp.max(jnp.abs(outer))
    return outer / jnp.where(largest > 0, largest, 1)


def _falls(problem: Problem, sides: Sides, work: Standardised, direction: jax.Array) -> jax.Array:
    margins = problem.moved(direction)
    inputs = jnp.abs(problem.inputs)
    b = jnp.abs(direction[:-1] if problem.intercept else direction)
    terms = inputs @ b
    if problem.intercept:
        terms = terms + jnp.abs(direction[-1]) + jnp.abs(work.means) @ jnp.abs(direction)
    slack = 64 * jnp.finfo(terms.dtype).eps * terms
    signed = jnp.where(sides.signs == 0, -jnp.abs(margins), sides.signs * margins)
    holds = jnp.all((signed >= -slack) | ~sides.counts)
    return holds & jnp.any((signed > 1000 * slack) & sides.counts)


def _project(work: Standardised, sides: Sides, step: jax.Array) -> jax.Array:
    """The step less what moves the examples that it hardly moves."""
    p = len(step)
    rows = work.rows.reshape(-1, p)[: len(sides.signs)]
    held = sides.counts & (jnp.abs(rows @ step) < 0.25) | (sides.counts & (sides.signs == 0))
    tied = jnp.where(held[:, None], rows, 0)
    values, vectors = jnp.linalg.eigh(tied.T @ tied)
    ranked = values > _rank_slack(values)
    inverse = jnp.where(ranked, 1 / jnp.where(ranked, values, 1), 0)
    # each round takes away what rounding left of the one before
    for _ in range(3):
        step = step - vectors @ (inverse * (vectors.T @ (tied.T @ (tied @ step))))
    return step


def _rank_slack(values: jax.Array) -> jax.Array:
    return jnp.finfo(values.dtype).eps * (8 + len(values) / 8) * values[-1]


def _null_space(work: Standardised) -> jax.Array:
    """(p, p): orthonormal columns that do not move any logit, and columns of 0."""
    p = work.rows.shape[-1]
    rows = work.rows.reshape(-1, p)
    gram = (rows * work.weights.reshape(-1, 1)).T @ rows + jnp.diag(work.ridge)
    values, vectors = jnp.linalg.eigh(gram)
    return jnp.where(values <= _rank_slack(values), vectors, 0)


def dependent_direction(work: Standardised) -> tuple[jax.Array, jax.Array]:
    """A direction of the problem's params that moves no logit, and whether there is one."""
    null = _null_space(work)
    # eigenvalues ascend, so the first column is in the null space if any is
    return _unit(work, null[:, 0]), jnp.any(null[:, 0] != 0)


def smallest(work: Standardised, inner: jax.Array) -> jax.Array:
    """The params of the problem with the same logits whose coefficients have the least norm."""
    null = _null_space(work)
    used = jnp.any(null != 0, axis=0)
    directions = null / work.sizes[:, None]
    b = inner / work.sizes
    if work.intercept:
        directions, b = directions.at[-1].set(0), b.at[-1].set(0)
    lengths = jnp.linalg.norm(directions, axis=0)
    directions = directions / jnp.where(used, lengths, 1)
    gram = directions.T @ directions + jnp.diag(jnp.where(used, 0.0, 1.0))
    shares = jnp.linalg.solve(gram, directions.T @ b) / jnp.where(used, lengths, 1)
    return work.outward(inner - null @ shares)
