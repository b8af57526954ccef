"""Arithmetic on pairs: unevaluated sums high + low with twice the digits of their dtype.

    two_sum(a, b)      a + b, exactly
    quick_sum(a, b)    a + b, exactly where |a| >= |b| or a = 0
    product(a, b)      a b, exactly but for what is below 2^-46 of it (2^-104 in float64)
    plus(p, q)         pair and pair, to 2^-44 (2^-102) of the larger
    times(p, q)        pair by pair, to 2^-43 (2^-101)
    over(p, q)         pair by pair, to 2^-43 (2^-101)

A compiler may contract a product and the sum it goes into, in one place and not in another: then
high and low no longer belong together.  So a product that is rounded passes a mask of its last bit,
which the compiler cannot see through (lax.reduce_precision to the dtype itself is removed before
code is made), and all other products are of halves, and exact.  XLA also moves constants together,
(a + c) - c to a, so what was added is recovered by c - (a + c).

Sources: T. Dekker, A floating-point technique for extending the available precision (1971);
D. Knuth, The Art of Computer Programming, vol. 2, 3rd ed. (1997), section 4.2.2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_INTEGER = {"float32": np.int32, "float64": np.int64}
_HALF = {"float32": 12, "float64": 27}  # how many of the last binary digits make the lower half


class Pair(NamedTuple):
    """``high + low``, where low is below the last digit of high.

    Example:
        >>> third = Pair(jnp.float32(1 / 3), jnp.float32(1 / 3 - np.float64(np.float32(1 / 3))))
        >>> f"{float(third.high):.14f}", f"{float(third.high) + float(third.low):.14f}"
        ('0.33333334326744', '0.33333333333333')
    """

    high: jax.Array
    low: jax.Array


def without_last_digits(values: jax.Array, digits: int) -> jax.Array:
    """float32 or float64 values with that many of their last binary digits set to 0.

    Example:
        >>> without_last_digits(jnp.float32(1 + 2**-22 + 2**-23), 1) == 1 + 2**-22
        Array(True, dtype=bool)
    """
    integer = _INTEGER[values.dtype.name]
    mask = jnp.array(-(1 << digits), integer)
    bits = lax.bitcast_convert_type(values, integer) & mask
    return lax.bitcast_convert_type(bits, values.dtype)


def upper_half(values: jax.Array) -> jax.Array:
    """The upper half of the digits of float32 or float64; products of two such are exact.

    Example:
        >>> upper_half(jnp.float32(1 + 2**-11 + 2**-12))
        Array(1.0004883, dtype=float32)
    """
    return without_last_digits(values, _HALF[values.dtype.name])


def two_sum(a: jax.Array, b: jax.Array) -> Pair:
    """The sum and what its rounding lost; neither may be a product that is rounded.

    Example:
        >>> two_sum(jnp.float32(1), jnp.float32(1e-9))
        Pair(high=Array(1., dtype=float32), low=Array(1.e-09, dtype=float32))
    """
    total = a + b
    back = total - a
    return Pair(total, (a - (total - back)) + (b - back))


def quick_sum(a: jax.Array, b: jax.Array) -> Pair:
    """The same where |a| >= |b| or a = 0.

    Example:
        >>> quick_sum(jnp.float32(1), jnp.float32(1e-9)).low
        Array(1.e-09, dtype=float32)
    """
    total = a + b
    return Pair(total, (a - total) + b)


def product(a: jax.Array, b: jax.Array) -> Pair:
    """The product, its high part rounded to one digit less.

    Example:
        >>> product(jnp.float32(1 + 2**-23), jnp.float32(1 - 2**-23)).low
        Array(-1.4210855e-14, dtype=float32)
    """
    a_upper, b_upper = upper_half(a), upper_half(b)
    a_lower, b_lower = a - a_upper, b - b_upper
    high = without_last_digits(a * b, 1)
    rest = ((a_upper * b_upper - high) + a_upper * b_lower) + a_lower * b_upper
    return Pair(high, rest + a_lower * b_lower)


def times(p: Pair, q: Pair) -> Pair:
    """The product of two pairs.

    Example:
        >>> third = Pair(jnp.float32(1 / 3), jnp.float32(1 / 3 - np.float64(np.float32(1 / 3))))
        >>> float(sum(times(third, third))) - 1 / 9 < 1e-8
        True
    """
    high, low = product(p.high, q.high)
    return quick_sum(high, low + (p.high * q.low + p.low * q.high))


def plus(p: Pair, q: Pair) -> Pair:
    """The sum of two pairs.

    Example:
        >>> more, less = (Pair(jnp.float32(n), jnp.float32(1e-9)) for n in (1, -1))
        >>> plus(more, less).high
        Array(2.e-09, dtype=float32)
    """
    high, low = two_sum(p.high, q.high)
    return quick_sum(high, low + (p.low + q.low))


def over(p: Pair, q: Pair) -> Pair:
    """The quotient of two pairs.

    Example:
        >>> one, three = (Pair(jnp.float32(n), jnp.float32(0)) for n in (1, 3))
        >>> over(one, three).low
        Array(-9.934107e-09, dtype=float32)
    """
    ratio = without_last_digits(p.high / q.high, 1)
    high, low = product(ratio, q.high)
    left = (p.high - high) + ((p.low - low) - ratio * q.low)
    return quick_sum(ratio, left / q.high)
