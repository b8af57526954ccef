"""Gradients, hessians and values of many fits at once, with the letters of batched.py."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.solvers.many.layout import Columns, Fits, over_blocks, product

FEW = 4  # times as many fits as columns are worth making C, over this


def gradients_with_values(
    columns: Columns, fits: Fits, params: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """G (m, p) and F (m,)."""

    def sums(block: Any) -> tuple[jax.Array, jax.Array]:
        rows, weights, logits = _block(columns, fits, params, block)
        labels = columns.labels[block]
        # the digits of one_pass.weighted_terms are not needed here, and take their time
        losses = jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))
        slopes = weights * (lax.logistic(logits) - labels)
        return product(slopes, rows), jnp.einsum("ml,ml->m", weights, losses)

    gradients, values = over_blocks(sums, len(columns.rows))
    values = values / fits.totals[:, 0] + jnp.sum(fits.ridge * params**2, axis=1) / 2
    return gradients / fits.totals + fits.ridge * params, values


def derivatives(columns: Columns, fits: Fits, params: jax.Array) -> tuple[jax.Array, jax.Array]:
    """G (m, p), and H without its ridge (m, p, p), float32."""

    def sums(block: Any) -> tuple[jax.Array, jax.Array]:
        rows, weights, logits = _block(columns, fits, params, block)
        probs = lax.logistic(logits)
        # what cancels in p - y is below the rounding of the sum
        gradients = product(weights * (probs - columns.labels[block]), rows)
        bends = (weights * (probs * (1 - probs))).astype(jnp.float32)
        if _worth_pairs(params):
            return gradients, bends @ _pairs_of(columns, block).T
        rows = rows.astype(jnp.float32)
        return gradients, lax.map(lambda own: (rows.T * own) @ rows, bends)

    gradients, hessians = over_blocks(sums, len(columns.rows))
    if hessians.ndim == 2:
        hessians = _unpacked(hessians)
    hessians = hessians / fits.totals.astype(jnp.float32)[:, :, None]
    return gradients / fits.totals + fits.ridge * params, hessians


def derivatives_at_one(
    columns: Columns, fits: Fits, params: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The same at params (1, p) of all fits, whose logits are the same: products are all."""
    p = columns.rows.shape[-1]

    def sums(block: Any) -> jax.Array:
        rows = columns.rows[block]
        probs = lax.logistic(rows @ params[0] + columns.offset[block])
        terms = (probs - columns.labels[block]) * rows.T
        bends = (probs * (1 - probs)) * _pairs_of(columns, block)
        return jnp.concatenate([terms, bends]) @ fits.weights[:, block].T

    found = over_blocks(sums, len(columns.rows)).T / fits.totals
    return found[:, :p] + fits.ridge * params, _unpacked(found[:, p:])


def newton_steps(hessians: jax.Array, gradients: jax.Array, fits: Fits) -> jax.Array:
    """-H^-1 G (m, p), nan where float32 cannot tell H from one without full rank."""
    p = gradients.shape[1]
    hessians = hessians + fits.ridge.astype(jnp.float32)[:, :, None] * jnp.eye(p, dtype="float32")
    factors = lax.linalg.cholesky(hessians, symmetrize_input=False)
    pivots, diagonals = (jnp.diagonal(each, axis1=1, axis2=2) for each in (factors, hessians))
    ranked = jnp.all(pivots**2 > 16 * p * jnp.finfo(jnp.float32).eps * diagonals, axis=1)
    solve = functools.partial(lax.linalg.triangular_solve, factors, left_side=True, lower=True)
    halves = solve(gradients.astype(jnp.float32)[..., None])
    moves = -solve(halves, transpose_a=True)[..., 0].astype(gradients.dtype)
    return jnp.where(ranked[:, None], moves, jnp.nan)


def with_pairs(columns: Columns, fits: Fits) -> Columns:
    """Columns with C, if it pays and there is room."""
    if len(columns.rows) == 1 and _worth_pairs(fits.ridge):
        return columns._replace(pairs=_pairs(columns.rows[0]))
    return columns


def _worth_pairs(params: jax.Array) -> bool:
    """Whether so many fits (m, p) outweigh making C."""
    return FEW * len(params) > params.shape[1]


def _pairs_of(columns: Columns, block: Any) -> jax.Array:
    """C' of a block."""
    if columns.pairs is not None:
        return columns.pairs
    return _pairs(columns.rows[block].astype(jnp.float32))


def _pairs(rows: jax.Array) -> jax.Array:
    """The products of two columns, (p (p + 1) / 2, length): so, they are made of whole rows."""
    i, j = np.tril_indices(rows.shape[1])
    return rows.T[i] * rows.T[j]


def _unpacked(packed: jax.Array) -> jax.Array:
    """Symmetric matrices (m, p, p) from their lower halves."""
    p = int(np.sqrt(2 * packed.shape[1]))
    i, j = np.indices((p, p))
    high, low = np.maximum(i, j), np.minimum(i, j)
    return packed[:, high * (high + 1) // 2 + low]


def _block(
    columns: Columns, fits: Fits, params: jax.Array, block: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The rows, the weights and the logits of a block."""
    rows = columns.rows[block]
    logits = product(params, rows.T) + columns.offset[block]
    return rows, fits.weights[:, block], logits
