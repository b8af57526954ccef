"""The cross-entropy within 1.2 ulp, for losses that multiply it by something that errs as well.

XLA's logarithm alone is 1 ulp off.  With q = s(-|x|), known to more digits than its dtype holds,

    log1p(exp(-|x|)) = -log(1 - q) = 2 atanh(g / 2) = g + g ((g/2)^2 / 3 + (g/2)^4 / 5 + ...)
    g = q / (1 - q / 2) <= 2 / 3

g is taken in two parts, as ``unlikely`` does, and the rest of the series is at most 1/24 of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.losses.from_logits import bce_gradient
from bcejax.numerics import absorb, finite, unlikely
from bcejax.numerics.pairs import upper_half

_TERMS = {"float32": 8, "float64": 17}  # (g/2)^2 <= 1/9: the next is below 2^-4 ulp


class Parts(NamedTuple):
    """A number in two: its rounding, and what rounding took from it."""

    main: jax.Array
    rest: jax.Array


@jax.custom_jvp
def cross_entropy(x: jax.Array, y: jax.Array) -> jax.Array:
    """w |x| + log(1 + exp(-|x|)), with w the share of the label that x leans away from.

    Example:
        >>> cross_entropy(jnp.array([0.0, -100.0]), jnp.array([1.0, 1.0]))
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    return absorb(jnp.where(x > 0, 1 - y, y), jnp.abs(x)) + _bump(x).main


cross_entropy.defjvps(
    lambda dot, out, x, y: dot * bce_gradient(x, y),
    lambda dot, out, x, y: -dot * finite(x),
)


def split_cross_entropy(x: jax.Array, y: jax.Array) -> Parts:
    """The same in two parts, held at finfo.max; for values only: no derivatives are defined.

    Example:
        >>> split_cross_entropy(jnp.array(-100.0), jnp.array(1.0))
        Parts(main=Array(100., dtype=float32), rest=Array(0., dtype=float32))
    """
    far, near = jnp.where(x > 0, 1 - y, y) * finite(jnp.abs(x)), _bump(x)
    main = far + near.main
    shift = main - far
    return Parts(main, ((far - (main - shift)) + (near.main - shift)) + near.rest)


def _bump(x: jax.Array) -> Parts:
    """log1p(exp(-|x|))."""
    q = unlikely(x)
    main, rest = complement_surprisal(q.head, q.tail)
    # far out the tails are flushed, and q^2 / 2 is less than q can hold
    far = q.prob < jnp.finfo(x.dtype).eps / 4
    return Parts(jnp.where(far, q.prob, main), jnp.where(far, 0, rest))


def complement_surprisal(head: jax.Array, tail: jax.Array) -> Parts:
    """-log(1 - q) for q = head + tail in [0, 1/2], where head has the upper half of the digits.

    Example:
        >>> complement_surprisal(jnp.array(0.5), jnp.array(0.0)).main
        Array(0.6931472, dtype=float32)
    """
    q = head + tail
    whole = 1 - q / 2
    missing = ((1 - whole) - head / 2) - tail / 2
    near, upper = upper_half(q / whole), upper_half(whole)
    remainder = ((head - near * upper) - near * (whole - upper)) + (tail - near * missing)
    off = remainder / whole
    g = near + off
    square = g * g / 4
    terms = _TERMS[q.dtype.name]
    series = jnp.full_like(q, 1 / (2 * terms + 1))
    for n in range(terms - 1, 0, -1):
        series = series * square + 1 / (2 * n + 1)
    low = off + g * (square * series)
    main = near + low
    return Parts(main, (near - main) + low)
