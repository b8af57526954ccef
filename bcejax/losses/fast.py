"""The cross-entropy and its two derivatives, fast and exact in the tails.

    loss      w |x| + t log1p(exp(-|x|))
    gradient  +-(w - t q)
    hessian   t q (1 - q)

where w is the weight of the label that the logit leans away from, t that of both, and q the
probability of the less likely label (from_logits.py).
"""

import jax
import jax.numpy as jnp

from bcejax.numerics import (
    absorb,
    bernoulli_variance,
    log1p_exp,
    product,
    scalar,
    two_sum,
    unlikely,
)


def fast_value(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The loss, by arithmetic that XLA fuses into a sum (bcejax.numerics.gates)."""
    leans = jnp.sign(jnp.maximum(x, scalar(0, x)))  # 0 or 1
    size = jnp.abs(x)
    bump = log1p_exp(size)
    if c is None:
        return absorb(jnp.abs(leans - y), size) + bump
    away = leans * (1 - y) + (1 - leans) * (c * y)
    return absorb(away, size) + _total(y, c) * bump


def fast_gradient(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The first derivative in the logit."""
    prob, rest = unlikely(x)
    if c is None:
        w = jnp.where(x > 0, 1 - y, y)
        gap = two_sum(w, -prob)
        lost = jnp.where(x > 0, (1 - w) - y, 0)  # by rounding 1 - y
        size = gap.high + (gap.low + (lost - rest))
    else:
        w, total = jnp.where(x > 0, 1 - y, c * y), _total(y, c)
        part = product(total, prob)
        gap = two_sum(w, -part.high)
        size = gap.high + (gap.low - (part.low + total * rest))
        size = jnp.where(w == 0, -total * prob, size)  # the product of halves may be flushed
    return jnp.where(x > 0, size, -size)


def fast_hessian(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The second derivative in the logit."""
    return _total(y, c) * bernoulli_variance(x)


def _total(y: jax.Array, c: jax.Array | None) -> jax.Array:
    """c y + 1 - y; without c it is 1, and nan for a label that is nan."""
    return 1 + 0 * y if c is None else c * y + (1 - y)
