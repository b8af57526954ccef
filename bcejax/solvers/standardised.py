"""A problem in columns of one size: mean 0 beside an intercept, and mean square 1.

Write m_j for the mean of column j under the weights (0 without an intercept), s_j for the root mean
square of x_ij - m_j, and D_j = hypot(s_j, sqrt(l2)).  In

    beta_j = D_j b_j,   gamma = c + m·b,   rows (x_i - m) / D and 1

F is the same function: its ridge l2 / D_j^2 is at most 1, whatever the units of the columns, and
a column that varies little about a large mean keeps its digits.  A column that is constant to
rounding, beside an intercept, becomes 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.solvers.newton import BLOCK
from bcejax.solvers.problem import Problem


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

    def inward(self, params: jax.Array) -> jax.Array:
        """Params of the problem as those of the rows."""
        inner = params * self.sizes
        return inner.at[-1].add(self.means @ params) if self.intercept else inner

    def outward(self, inner: jax.Array) -> jax.Array:
        """The inverse of ``inward``."""
        params = inner / self.sizes
        return params.at[-1].add(-self.means @ params) if self.intercept else params

    def moved(self, inner: jax.Array) -> jax.Array:
        """What params add to each logit, (blocks, length)."""
        return self.rows @ inner

    def gradient_norm(self, gradient: jax.Array) -> jax.Array:
        """The norm of ``certificates`` of a gradient in the params of the rows."""
        outer = gradient * self.sizes
        if self.intercept:
            outer = outer + self.means * gradient[-1]
        return jnp.max(jnp.abs(outer) / self.scales)

    def rounding(self, logits: jax.Array, inner: jax.Array) -> jax.Array:
        """What rounding of the logits can leave of the gradient norm; as ``certificates``."""
        decay = jnp.exp(-jnp.abs(logits))
        shares = jnp.where(decay > 0, decay * self.offset, 0)
        terms = jnp.sqrt(jnp.sum(self.weights * shares**2)) + jnp.sum(jnp.abs(inner)) / 4
        return 8 * jnp.finfo(terms.dtype).eps * (1 + terms)


def standardised(problem: Problem) -> Standardised:
    """The problem in columns of one size, a copy."""
    inputs, weights = problem.inputs, problem.weights
    n, d = inputs.shape
    means = weights @ inputs if problem.intercept else jnp.zeros(d, inputs.dtype)
    largest = jnp.max(jnp.abs(inputs), axis=0)
    centred = jnp.where(weights[:, None] > 0, inputs - means, 0)
    spread = jnp.max(jnp.abs(centred), axis=0)
    constant = spread <= 8 * jnp.finfo(inputs.dtype).eps * largest
    shares = centred / jnp.where(constant, 1, spread)
    roots = spread * jnp.sqrt(jnp.sum(weights[:, None] * shares**2, axis=0))
    sizes = jnp.hypot(jnp.where(constant, 0, roots), jnp.sqrt(problem.l2))
    sizes = jnp.where(sizes > 0, sizes, 1)
    rows = jnp.where(constant, 0, centred / sizes)
    scales = jnp.hypot(roots, means)
    scales = jnp.where(scales > 0, scales, 1)
    ridge = (jnp.sqrt(problem.l2) / sizes) ** 2
    if problem.intercept:
        rows = jnp.column_stack([rows, jnp.ones(n, rows.dtype)])
        means, ridge = (jnp.append(each, 0) for each in (means, ridge))
        sizes, scales = (jnp.append(each, 1) for each in (sizes, scales))
    blocks = -(-n // BLOCK)
    padding = -n % blocks

    def laid(array: jax.Array) -> jax.Array:
        wide = jnp.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))
        return wide.reshape(blocks, -1, *array.shape[1:])

    vectors = (laid(each) for each in (problem.labels, weights, problem.offset))
    return Standardised(laid(rows), *vectors, ridge, means, sizes, scales, problem.intercept)
