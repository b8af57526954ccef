r"""Tables of logits over the axis of scores, and how to read them.

A table has ``count`` blocks k = 0, 1, ..., ascending: the logit v_k = ``logits[k]`` on the closed
interval of scores from ``lower[k]`` to ``upper[k]``.  Between two blocks the probability is linear
in the score x,

    p = (1 - t) sigmoid(v_k) + t sigmoid(v_{k+1}),    t = (x - upper_k) / (lower_{k+1} - upper_k),

and outside it is that of the nearest block.  1 - p is interpolated beside p, so a logit far from 0
keeps its digits in float32, where p itself would be 1.  A step function is the table in which each
block begins where the one before ends.  Arrays have a fixed size; entries behind the last block
have ``lower = upper = inf`` and its value.
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.calibration.examples import Examples
from bcejax.numerics import sigmoid

Values = TypeVar("Values", jax.Array, np.ndarray)


def log_ratio(first: Values, second: Values) -> Values:
    """log(a / b) for a, b >= 0, with its digits near a = b; nan where both are 0.

    Example:
        >>> log_ratio(jnp.array([3.0, 1.0, 0.0]), jnp.array([1.0, 1.0, 2.0]))
        Array([1.0986123, 0.       ,      -inf], dtype=float32)
    """
    xp = first.__array_namespace__()  # NumPy or JAX
    size = xp.log1p(xp.abs(first - second) / xp.minimum(first, second))
    ratio: Values = xp.where(first < second, -size, size)
    return ratio


def successes_and_failures(examples: Examples) -> jax.Array:
    """Weight of label 1 and of label 0 of each example (n, 2)."""
    y = examples.labels
    return examples.weights[:, None] * jnp.stack([y, 1 - y], axis=-1)


def read(logits: jax.Array, table: dict[str, jax.Array]) -> jax.Array:
    """The table at each logit.

    Args:
        logits: any shape; +-inf included.
        table: "count" of blocks, and for each block (n,) "lower", "upper" and "logits", ascending.

    Returns:
        Logits of the same shape, nan for nan.

    Example:
        >>> table = {"count": 2, "lower": jnp.array([-1.0, 1.0]), "upper": jnp.array([0.0, 2.0]),
        ...          "logits": jnp.array([-1.0, 1.0])}
        >>> read(jnp.array([-9.0, 0.0, 0.5, 1.0]), table)
        Array([-1., -1.,  0.,  1.], dtype=float32)
    """
    blocks = {name: array for name, array in table.items() if name != "count"}
    if not isinstance(table["count"], jax.core.Tracer):
        # a search in a short array is faster; by powers of 2 few compilations serve all tables
        length = 1 << (int(table["count"]) - 1).bit_length()
        blocks = {name: array[:length] for name, array in blocks.items()}
    return _read_block(logits, _block_of(logits, blocks["lower"]), **blocks)


# two programs: in one, XLA would search anew for every array that is read at the block
@jax.jit
def _block_of(x: jax.Array, lower: jax.Array) -> jax.Array:
    """The last block that begins at x or below; the first where there is none.

    The search of ``jnp.searchsorted``, but with one comparison in each step, which takes a third
    of its time.
    """
    last = len(lower) - 1
    steps = last.bit_length()
    lower = jnp.pad(lower, (0, (1 << steps) - len(lower)), constant_values=jnp.inf)
    block = jnp.zeros(x.shape, jnp.int32)
    for step in reversed(range(steps)):
        ahead = block + (1 << step)
        block = jnp.where(lower.at[ahead].get(mode="promise_in_bounds") <= x, ahead, block)
    return jnp.minimum(block, last)


@jax.jit
def _read_block(
    x: jax.Array, block: jax.Array, lower: jax.Array, upper: jax.Array, logits: jax.Array
) -> jax.Array:
    at, lower, upper = (_bounded(each) for each in (x, lower, upper))
    next_lower = jnp.append(lower[1:], lower[-1])
    # scores closer than the smallest normal number count as equal
    touches = next_lower - upper <= 0
    width = jnp.where(touches, 1, next_lower - upper)
    # of the blocks, which are few; without the barrier XLA computes them for each x
    up, down, width = lax.optimization_barrier((sigmoid(logits), sigmoid(-logits), width))
    following = jnp.minimum(block + 1, len(lower) - 1)
    left, right = logits[block], logits[following]
    t = jnp.clip((at - upper[block]) / width[block], 0, 1)
    rest = jnp.clip((lower[following] - at) / width[block], 0, 1)
    stays = (t == 0) | touches[block]
    t, rest = (jnp.where(stays, 0.5, each) for each in (t, rest))  # lest a derivative be nan there
    mixed = log_ratio(
        rest * up[block] + t * up[following], rest * down[block] + t * down[following]
    )
    mixed = jnp.clip(mixed, jnp.minimum(left, right), jnp.maximum(left, right))
    mixed = jnp.where(stays, left, mixed)
    return jnp.where(jnp.isnan(x), jnp.nan, mixed)


def _bounded(scores: jax.Array) -> jax.Array:
    """The scores, infinite ones so large that they act as such, but their differences are finite.

    A finite score between a finite block and an infinite one takes the finite one's value; between
    two infinite ones, the mean probability.
    """
    most = jnp.finfo(scores.dtype).max / 4
    return jnp.clip(scores, -most, most)
