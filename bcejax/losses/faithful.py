"""The cross-entropy within 1.2 ulp, for losses that multiply it by something that errs as well.

    l(x, y) = w |x| + log(1 + exp(-|x|)),    w the share of the label that x leans away from

XLA's logarithm alone is 1 ulp off; bcejax.numerics.twofold has it with more digits.
"""

import jax
import jax.numpy as jnp

from bcejax.losses.from_logits import bce_gradient
from bcejax.numerics import Pair, absorb, finite, two_sum, twofold_log1p_exp


@jax.custom_jvp
def cross_entropy(x: jax.Array, y: jax.Array) -> jax.Array:
    """The cross-entropy, elementwise.

    Example:
        >>> cross_entropy(jnp.array([0.0, -100.0]), jnp.array([1.0, 1.0]))
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    size = jnp.abs(x)
    return absorb(jnp.where(x > 0, 1 - y, y), size) + _bump(size).high


cross_entropy.defjvps(
    lambda dot, out, x, y: dot * bce_gradient(x, y),
    lambda dot, out, x, y: -dot * finite(x),
)


def split_cross_entropy(x: jax.Array, y: jax.Array) -> Pair:
    """The same in two parts, held at finfo.max; for values only: no derivatives are defined.

    Example:
        >>> split_cross_entropy(jnp.array(-100.0), jnp.array(1.0))
        Pair(high=Array(100., dtype=float32), low=Array(0., dtype=float32))
    """
    far = jnp.where(x > 0, 1 - y, y) * finite(jnp.abs(x))
    near = _bump(jnp.abs(x))
    total = two_sum(far, near.high)
    return Pair(total.high, total.low + near.low)


@jax.jit  # traced once, however often it is asked for
def _bump(size: jax.Array) -> Pair:
    return twofold_log1p_exp(size).pair()
