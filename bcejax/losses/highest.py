"""The cross-entropy and its two derivatives, faithfully rounded: ``accuracy="highest"``.

The formulas are those of from_logits.py,

    loss  w |x| + t log1p(exp(-|x|)),   gradient  +-(w - t q),   hessian  t q (1 - q),

with every part a pair of floats (bcejax.numerics.pairs), rounded once at the end: 1 - y keeps what
its rounding lost, and the difference w - t q has digits near its zero at sigmoid(x) = y.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.numerics import (
    Pair,
    ceiling,
    product,
    quick_sum,
    times,
    two_sum,
    twofold_log1p_exp,
    twofold_unlikely,
    within,
)


class _Weights(NamedTuple):
    """The weight of the label that the logit leans away from, and that of both (None is 1)."""

    away: Pair
    total: Pair | None


def _weights(x: jax.Array, y: jax.Array, c: jax.Array | None) -> _Weights:
    zeros = quick_sum(jnp.ones_like(y), -y)
    ones = Pair(y, jnp.zeros_like(y)) if c is None else product(c, y)
    away = Pair(*(jnp.where(x > 0, *parts) for parts in zip(zeros, ones, strict=True)))
    if c is None:
        return _Weights(away, None)
    high, low = two_sum(zeros.high, ones.high)
    return _Weights(away, quick_sum(high, low + (zeros.low + ones.low)))


def _weighted(weights: _Weights, pair: Pair) -> Pair:
    return pair if weights.total is None else times(weights.total, pair)


def highest_value(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The loss.

    Example:
        >>> highest_value(jnp.float32(-20.0), jnp.float32(0.0), None)
        Array(2.0611537e-09, dtype=float32)
    """
    weights = _weights(x, within(y, 0.0, 1.0), c)
    size = jnp.minimum(jnp.abs(x), ceiling(weights.away.high))  # no weight wins over inf
    bump = twofold_log1p_exp(jnp.abs(x))
    high, low = _weighted(weights, Pair(bump.high, bump.low))
    away = product(weights.away.high, size)
    total = two_sum(away.high, high * bump.scale)
    rest = total.low + ((away.low + weights.away.low * size) + low * bump.scale)
    # ends in a select, lest XLA draw one part of this into a sum that follows and store the others
    return jnp.where(jnp.isfinite(total.high), total.high + rest, total.high)


def highest_gradient(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The first derivative in the logit.

    Example:
        >>> highest_gradient(jnp.float32(20.0), jnp.float32(1.0), None)
        Array(-2.0611537e-09, dtype=float32)
    """
    return twofold_gradient(x, y, c).high


def twofold_gradient(x: jax.Array, y: jax.Array, c: jax.Array | None) -> Pair:
    """The first derivative in the logit, within 2^-44 of the larger of its terms (2^-96).

    Example:
        >>> twofold_gradient(jnp.float32(0.0), jnp.float32(0.25), None).high
        Array(0.25, dtype=float32)
    """
    weights, q = _weights(x, y, c), twofold_unlikely(x)
    high, low = _weighted(weights, Pair(q.high, q.low))
    gap = two_sum(weights.away.high, -(high * q.scale))
    size = quick_sum(gap.high, gap.low + (weights.away.low - low * q.scale))
    return Pair(*(jnp.where(x > 0, part, -part) for part in size))


def highest_hessian(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The second derivative in the logit; no label drops out, for one that is nan makes it nan.

    Example:
        >>> highest_hessian(jnp.float32(20.0), jnp.float32(1.0), None)
        Array(2.0611537e-09, dtype=float32)
    """
    q = twofold_unlikely(x)
    q_high, q_low = q.pair()
    likely = quick_sum(jnp.ones_like(x), -q_high)
    rest = Pair(likely.high, likely.low - q_low)
    high, low = _weighted(_weights(x, y, c), times(Pair(q.high, q.low), rest))
    return (high + low) * q.scale + 0 * y
