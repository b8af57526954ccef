"""A problem in columns of one size: mean 0 beside an intercept, and mean square 1.

Write m_j for the mean of column j under the weights (0 without an intercept), s_j for the root mean
square of x_ij - m_j, and D_j = hypot(s_j, sqrt(l2)).  In

    beta_j = D_j b_j,   gamma = c + m·b,   rows (x_i - m) / D and 1

F is the same function: its ridge l2 / D_j^2 is at most 1, whatever the units of the columns, and
a column that varies little about a large mean keeps its digits.  A column that is constant to
rounding, beside an intercept, becomes 0.
"""

from types import ModuleType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.solvers.engines.affine import BLOCK
from bcejax.solvers.matrices import centred
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import World, world_of


class Standardised(NamedTuple):
    """Examples in blocks, padded with weight 0; params are beta, then gamma if there is one."""

    rows: jax.Array  # (blocks, length, p)
    labels: jax.Array  # (blocks, length)
    weights: jax.Array  # likewise
    offset: jax.Array  # likewise
    ridge: jax.Array  # (p,), 0 for the intercept
    means: jax.Array  # (p,), 0 for the intercept
    sizes: jax.Array  # (p,): D, 1 for the intercept
    scales: jax.Array  # (p,): Problem.scales
    intercept: bool

    @property
    def world(self) -> World:
        """What its arrays are made and moved with."""
        return world_of(self.rows)

    def inward(self, params: jax.Array) -> jax.Array:
        """Params of the problem as those of the rows."""
        return self._recentred(params * self.sizes, self.means @ params)

    def outward(self, inner: jax.Array) -> jax.Array:
        """The inverse of ``inward``."""
        params = inner / self.sizes
        return self._recentred(params, -self.means @ params)

    def outward_matrix(self) -> jax.Array:
        """``outward`` as a matrix, (p, p); for JAX's arrays."""
        return jax.vmap(self.outward, out_axes=1)(jnp.eye(len(self.sizes), dtype=self.sizes.dtype))

    def moved(self, inner: jax.Array) -> jax.Array:
        """What params add to each logit, (blocks, length)."""
        flat = self.rows.reshape(-1, self.rows.shape[-1])
        return self.world.matmul(flat, inner).reshape(self.labels.shape)

    def gathered(self, terms: jax.Array) -> jax.Array:
        """The transpose of ``moved``, (p,)."""
        return self.world.matmul(terms.ravel(), self.rows.reshape(-1, self.rows.shape[-1]))

    def gradient_norm(self, gradient: jax.Array) -> jax.Array:
        """The norm of ``certificates`` of a gradient in the params of the rows."""
        outer = gradient * self.sizes
        if self.intercept:
            outer = outer + self.means * gradient[-1]
        return self.world.xp.max(self.world.xp.abs(outer) / self.scales)

    def rounding(self, bends: jax.Array, inner: jax.Array) -> jax.Array:
        """What rounding of the logits can leave of the gradient norm; as ``certificates``.

        Args:
            bends: (blocks, length), second derivatives of the losses in their logits.
            inner: (p,), the params.
        """
        xp = self.world.xp
        shares = xp.where(bends > 0, bends * self.offset, 0)
        terms = xp.sqrt(xp.sum(self.weights * shares**2)) + xp.sum(xp.abs(inner)) / 4
        return 8 * jnp.finfo(terms.dtype).eps * (1 + terms)

    def _recentred(self, params: jax.Array, shift: jax.Array) -> jax.Array:
        if not self.intercept:
            return params
        return self.world.xp.append(params[:-1], params[-1] + shift)


def standardised(problem: Problem) -> Standardised:
    """The problem in columns of one size, a copy."""
    inputs, weights, world, xp = problem.inputs, problem.weights, problem.world, problem.world.xp
    n, d = inputs.shape
    if problem.intercept:
        columns, means = centred(inputs, weights)
    else:
        columns, means = xp.where(weights[:, None] > 0, inputs, 0), xp.zeros(d, inputs.dtype)
    largest = xp.max(xp.abs(columns), axis=0)
    shares = columns / xp.where(largest > 0, largest, 1)
    roots = largest * xp.sqrt(world.matmul(weights, shares**2))
    sizes = xp.hypot(roots, xp.sqrt(problem.l2))
    sizes = xp.where(sizes > 0, sizes, 1)
    rows = columns / sizes
    scales = xp.hypot(roots, means)
    scales = xp.where(scales > 0, scales, 1)
    ridge = (xp.sqrt(problem.l2) / sizes) ** 2
    if problem.intercept:
        rows = xp.column_stack([rows, xp.ones(n, rows.dtype)])
        means, ridge = (xp.append(each, xp.zeros(1, each.dtype)) for each in (means, ridge))
        sizes, scales = (xp.append(each, xp.ones(1, each.dtype)) for each in (sizes, scales))
    labels, shares, offset = (_laid(xp, each) for each in (problem.labels, weights, problem.offset))
    return Standardised(
        _laid(xp, rows), labels, shares, offset, ridge, means, sizes, scales, problem.intercept
    )


def _laid(xp: ModuleType, array: jax.Array) -> jax.Array:
    """In blocks of one length."""
    blocks = -(-len(array) // BLOCK)
    padding = -len(array) % blocks
    if padding:
        array = xp.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))
    return array.reshape(blocks, -1, *array.shape[1:])
