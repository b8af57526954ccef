"""What the fits of batched.py share, and what each has of its own, in blocks of rows."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.solvers.matrices import centred
from bcejax.solvers.problem import Problem

ELEMENTS = 2**22  # numbers in an array that is worked on

product = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)  # a GPU would round


class Columns(NamedTuple):
    """What the fits share: columns of mean 0 and variance 1 in blocks of rows, and the way back."""

    rows: jax.Array  # (blocks, length, p), the intercept's 1 last
    labels: jax.Array  # (blocks, length)
    offset: jax.Array  # (blocks, length)
    gaps: jax.Array  # (blocks, length), 1 where a row is not finite and so put to 0
    means: jax.Array  # (p,), 0 for the intercept
    sizes: jax.Array  # (p,), 1 for the intercept
    pairs: jax.Array | None = None  # (p (p + 1) / 2, length): C', if it was made beforehand

    def outward(self, inner: jax.Array, intercept: bool) -> jax.Array:
        """Params (m, p) of the inputs from those of the rows."""
        outer = inner / self.sizes
        return outer.at[:, -1].add(-(outer @ self.means)) if intercept else outer

    def inward(self, outer: jax.Array, intercept: bool) -> jax.Array:
        """The other way round."""
        inner = outer * self.sizes
        return inner.at[:, -1].add(outer @ self.means) if intercept else inner


class Fits(NamedTuple):
    """What each fit has of its own."""

    weights: jax.Array  # (m, blocks, length)
    totals: jax.Array  # (m, 1), their sums
    ridge: jax.Array  # (m, p), on the params of the rows
    scales: jax.Array  # (m, p), the root mean squares of the inputs, over the sizes
    sound: jax.Array  # (m,) bool: no weight is negative or nan or lies on a gap


def columns_of(problem: Problem, fits: int) -> Columns:
    """The columns under the problem's weights, in blocks for so many fits."""
    x, y, o, w = problem.inputs, problem.labels, problem.offset, problem.weights
    known = jnp.all(jnp.isfinite(x), axis=1) & (y >= 0) & (y <= 1) & jnp.isfinite(o)
    kept = known & (w > 0)
    w = jnp.where(kept, w, 0)
    w = w / jnp.sum(w)
    x = jnp.where(kept[:, None], x, 0)
    x, means = centred(x, w) if problem.intercept else (x, jnp.zeros(x.shape[1], x.dtype))
    largest = jnp.max(jnp.abs(x), axis=0)
    largest = jnp.where(largest > 0, largest, 1)
    sizes = largest * jnp.sqrt(w @ (x / largest) ** 2)
    sizes = jnp.where(sizes > 0, sizes, 1)
    rows = x / sizes
    if problem.intercept:
        rows = jnp.column_stack([rows, jnp.ones(len(y), rows.dtype)])
        means, sizes = jnp.append(means, 0), jnp.append(sizes, 1)
    y, o = (jnp.where(kept, each, 0) for each in (y, o))
    # of a block there are (fits, length) logits and (length, p (p + 1) / 2) products
    n, p = rows.shape
    length = max(1, min(n, ELEMENTS // fits, 2 * ELEMENTS // (p * (p + 1) // 2)))
    rows, y, o, gaps = (_laid(each, length) for each in (rows, y, o, 1 - kept.astype(rows.dtype)))
    return Columns(rows, y, o, gaps, means, sizes)


def _laid(array: jax.Array, length: int, axis: int = 0) -> jax.Array:
    """In blocks of rows, filled up with 0."""
    n = array.shape[axis]
    if n % length:
        pads = [(0, 0)] * array.ndim
        pads[axis] = (0, -n % length)
        array = jnp.pad(array, pads)
    return array.reshape(*array.shape[:axis], -1, length, *array.shape[axis + 1 :])


def fits_of(columns: Columns, weights: jax.Array, l2: jax.Array, intercept: bool) -> Fits:
    """The fits of weights (m, n) and penalties (m,)."""
    # once: XLA on CPU sums what it has to convert several times slower
    weights = weights.astype(columns.rows.dtype)
    weights = _laid(weights, columns.rows.shape[1], axis=1)
    p = columns.rows.shape[2]
    moments = jnp.concatenate(
        [
            columns.rows**2,
            columns.rows,
            jnp.ones_like(columns.labels)[..., None],
            columns.gaps[..., None],
        ],
        axis=-1,
    )

    def sums(i: Any) -> jax.Array:
        return product(weights[:, i], moments[i])

    found = over_blocks(sums, len(moments))
    totals = found[:, -2:-1]
    means = columns.means / columns.sizes
    squares = (found[:, :p] + 2 * means * found[:, p : 2 * p]) / totals + means**2
    scales = jnp.sqrt(jnp.maximum(squares, 0))
    ridge = l2[:, None] / columns.sizes**2
    ridge = ridge.at[:, -1].set(0) if intercept else ridge
    sound = jnp.all(weights >= 0, axis=(1, 2)) & (found[:, -1] == 0)
    return Fits(weights, totals, ridge, jnp.where(scales > 0, scales, 1), sound)


def in_sum(fits: Fits) -> Fits:
    """One fit, of the mean of the weights' shares and the median penalty."""
    shares = jnp.where(fits.sound & (fits.totals[:, 0] > 0), 1 / fits.totals[:, 0], 0)
    weights = jnp.einsum("m,mbl->bl", shares, fits.weights)[None]
    ridge = jnp.median(fits.ridge, axis=0, keepdims=True)
    return Fits(weights, jnp.sum(weights)[None, None], ridge, fits.scales[:1], jnp.array([True]))


def in_float32(tree: Any) -> Any:
    """All numbers of ``Columns`` or ``Fits``."""
    return jax.tree.map(lambda each: each if each.dtype == bool else each.astype(jnp.float32), tree)


def over_blocks(block: Callable[[Any], Any], blocks: int) -> Any:
    """The sum of what all blocks give."""
    if blocks == 1:
        return block(0)
    nothing = jax.tree.map(lambda each: jnp.zeros(each.shape, each.dtype), jax.eval_shape(block, 0))

    def add(i: jax.Array, sums: Any) -> Any:
        return jax.tree.map(jnp.add, sums, block(i))

    return lax.fori_loop(0, blocks, add, nothing)
