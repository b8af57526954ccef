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
    one_or_nan,
    product,
    scalar,
    two_sum,
    unlikely,
)


def fast_value(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The loss, by arithmetic that XLA fuses into a sum (bcejax.numerics.gates)."""
    top = one_or_nan(y)
    y = jnp.minimum(jnp.maximum(y, 0), top)
    leans = jnp.minimum(jnp.maximum(x * float(jnp.finfo(x.dtype).max), 0), top)  # 0 or 1
    size = jnp.abs(x)
    bump = log1p_exp(size)
    if c is None:
        return absorb(jnp.abs(leans - y), size) + bump
    away = leans * (1 - y) + (1 - leans) * (c * y)
    return absorb(away, size) + _total(y, c) * bump


def fast_gradient(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The first derivative in the logit."""
    prob, rest = unlikely(x)
    zero, one = scalar(0, x), scalar(1, x)  # see bcejax.numerics.gates
    if c is None:
        w = jnp.where(x > zero, one - y, y)
        gap = two_sum(w, -prob)
        lost = jnp.where(x > zero, (one - w) - y, zero)  # by rounding 1 - y
        size = gap.high + (gap.low + (lost - rest))
    else:
        w, total = jnp.where(x > zero, one - y, c * y), _total(y, c)
        part = product(total, prob)
        gap = two_sum(w, -part.high)
        size = gap.high + (gap.low - (part.low + total * rest))
        size = jnp.where(w == 0, -total * prob, size)  # the product of halves may be flushed
    return jnp.where(x > zero, size, -size)


def fast_hessian(x: jax.Array, y: jax.Array, c: jax.Array | None) -> jax.Array:
    """The second derivative in the logit."""
    return _total(y, c) * bernoulli_variance(x)


def _total(y: jax.Array, c: jax.Array | None) -> jax.Array:
    """c y + 1 - y; without c it is 1, and nan for a label that is nan."""
    return 1 + 0 * y if c is None else c * y + (1 - y)
