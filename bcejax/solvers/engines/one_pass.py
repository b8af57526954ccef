"""V of newton.py and its derivatives at some params, block by block, and the step from there."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.numerics import log1p_of_share
from bcejax.solvers.engines.affine import Blocks
from bcejax.solvers.engines.elimination import invert_semidefinite

FEW_COLUMNS = 3  # up to here sums of products are faster than products of matrices


class Point(NamedTuple):
    """V and its derivatives at a place, and the full step from there."""

    params: jax.Array
    value: jax.Array
    gradient: jax.Array
    hessian: jax.Array
    step: jax.Array
    usable: jax.Array  # (d,) bool, columns that depend on none before them, by the hessian

    def at_rest(self) -> jax.Array:
        """Whether the decrement vanishes."""
        decrement = -self.gradient @ self.step
        small = decrement <= jnp.finfo(self.value.dtype).eps / 16 * self.value
        # where a sum overflows there is no step, which is no sign of a minimum
        return small & self.known()

    def known(self) -> jax.Array:
        """Whether V and its derivatives are numbers."""
        return jnp.all(jnp.isfinite(self.hessian)) & (self.value < jnp.inf)


def evaluate(params: jax.Array, blocks: Blocks) -> Point:
    """V and its derivatives, in one pass; not to be differentiated."""
    terms, totals = (_few_terms, _few_totals) if len(params) <= FEW_COLUMNS else (products, _sums)

    def block(i: ArrayLike) -> list[jax.Array]:
        part = blocks.block(i)
        return terms(part.columns, *weighted_terms(part.logits(params), part.labels, part.weights))

    def add(i: ArrayLike, sums: list[jax.Array]) -> list[jax.Array]:
        return jax.tree.map(jnp.add, sums, block(i))

    nothing = [jnp.zeros(each.shape, each.dtype) for each in jax.eval_shape(block, 0)]
    sums = lax.fori_loop(0, blocks.number, add, nothing)
    value, gradient, hessian = totals(sums, len(params))
    penalty = blocks.ridge * params
    gradient, hessian = gradient + penalty, hessian + jnp.diag(blocks.ridge)
    inverse, usable = invert_semidefinite(hessian)
    value = value + penalty @ params / 2
    return Point(params, value, gradient, hessian, -inverse @ gradient, usable)


def weighted_terms(
    x: jax.Array, y: jax.Array, w: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weighted loss of each example and its derivatives in the logit, fast.

    Example:
        >>> weighted_terms(jnp.zeros(1), jnp.ones(1), jnp.ones(1))[1]
        Array([-0.5], dtype=float32)
    """
    away = jnp.where(x > 0, 1 - y, y)  # share of the label that x leans away from
    decay = jnp.exp(-jnp.abs(x))
    q = decay / (1 + decay)
    loss = away * jnp.abs(x) + log1p_of_share(decay)
    return w * loss, w * jnp.where(x > 0, away - q, q - away), w * (q * (1 - q))


def _few_terms(
    columns: Sequence[jax.Array], losses: jax.Array, slopes: jax.Array, bends: jax.Array
) -> list[jax.Array]:
    """The terms of V, of G and of the lower half of H; (length,) each."""
    pairs = [bends * f * g for k, f in enumerate(columns) for g in columns[: k + 1]]
    return [losses, *(slopes * f for f in columns), *pairs]


def _few_totals(terms: list[jax.Array], d: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    value, *rest = (jnp.sum(each) for each in terms)
    gradient, lower = jnp.stack(rest[:d]), jnp.stack(rest[d:])
    i, j = np.tril_indices(d)
    hessian = jnp.zeros((d, d), value.dtype).at[i, j].set(lower).at[j, i].set(lower)
    return value, gradient, hessian


def products(
    columns: Sequence[jax.Array], losses: jax.Array, slopes: jax.Array, bends: jax.Array
) -> list[jax.Array]:
    """The terms of V (length,), the sums of G (d,) and of H (d, d)."""
    matrix = jnp.stack([jnp.broadcast_to(f, slopes.shape) for f in columns])
    exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits
    gradient = jnp.matmul(matrix, slopes, precision=exact)
    return [losses, gradient, jnp.matmul(matrix * bends, matrix.T, precision=exact)]


def _sums(terms: list[jax.Array], d: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    losses, gradient, hessian = terms
    return jnp.sum(losses), gradient, hessian
