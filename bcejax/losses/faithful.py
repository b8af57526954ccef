"""The cross-entropy within 1 ulp, for losses that multiply it by something that errs as well.

XLA's logarithm alone is 1 ulp off.  With q = s(-|x|), known to more digits than its dtype holds,

    log1p(exp(-|x|)) = -log(1 - q) = 2 atanh(g / 2) = g + g ((g/2)^2 / 3 + (g/2)^4 / 5 + ...)
    g = q / (1 - q / 2) <= 2 / 3

g is taken as head + tail, as ``unlikely`` does, and the rest of the series is at most 1/24 of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.losses.from_logits import bce_gradient
from bcejax.numerics import absorb, finite, unlikely
from bcejax.numerics.exponential import upper_half

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
        >>> split_cross_entropy(jnp.array(0.0), jnp.array(1.0)).rest
        Array(-1.9046542e-09, dtype=float32)
    """
    far, near = jnp.where(x > 0, 1 - y, y) * finite(jnp.abs(x)), _bump(x)
    main = far + near.main
    shift = main - far
    return Parts(main, ((far - (main - shift)) + (near.main - shift)) + near.rest)


def _bump(x: jax.Array) -> Parts:
    """log1p(exp(-|x|))."""
    q = unlikely(x)
    whole = 1 - q.prob / 2
    missing = ((1 - whole) - q.head / 2) - q.tail / 2
    head, upper = upper_half(q.prob / whole), upper_half(whole)
    remainder = ((q.head - head * upper) - head * (whole - upper)) + (q.tail - head * missing)
    tail = remainder / whole
    g = head + tail
    square = g * g / 4
    terms = _TERMS[x.dtype.name]
    series = jnp.full_like(x, 1 / (2 * terms + 1))
    for n in range(terms - 1, 0, -1):
        series = series * square + 1 / (2 * n + 1)
    low = tail + g * (square * series)
    # far out the tails are flushed, and q^2 / 2 is less than q can hold
    far = q.prob < jnp.finfo(x.dtype).eps / 4
    main = jnp.where(far, q.prob, head + low)
    return Parts(main, jnp.where(far, 0, (head - main) + low))
