"""The decaying exponential with half again as many digits as its dtype.

With k = round(a / ln 2) and r = k ln 2 - a, |r| <= ln(2) / 2,

    exp(-a) = 2^-k exp(r),      exp(r) = 1 + r + r^2 (1/2! + r/3! + r^2/4! + ...)

The sum is kept as ``high + low``, where low is what rounding took from high, and 2^-k as a third,
so that nothing is lost where the product drops below the normal numbers.  XLA's own exp is good to
1.0 ulp in float32 and 1.3 in float64, which is too much for what is built on it: an error of the
numerator doubles where e / (1 + e) falls below a power of two.

A compiler may contract a product and the sum it goes into, in one place and not in another: then
high and low no longer belong together.  So two products pass a mask, which it cannot see through
(lax.reduce_precision to the dtype itself is removed before code is made).

Sources: W. Cody and W. Waite, Software Manual for the Elementary Functions (1980), for the
reduction; T. Dekker, A floating-point technique for extending the available precision (1971).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class DecayingExponential(NamedTuple):
    """``exp(-a) = (high + low) * scale``, with scale a power of two, or 0 below the normals."""

    high: jax.Array
    low: jax.Array
    scale: jax.Array


class _Constants(NamedTuple):
    """ln 2 in two parts, of which the first times any k is exact; the series' length; masks."""

    ln2_high: float
    ln2_low: float
    terms: int
    integer: type
    half: int  # how many of the last binary digits make the lower half


_CONSTANTS = {
    "float32": _Constants(0.693359375, -2.1219444005469057e-4, 7, np.int32, 12),
    "float64": _Constants(0.6931471803691238, 1.9082149292705877e-10, 13, np.int64, 27),
}


def upper_half(values: jax.Array) -> jax.Array:
    """The upper half of the digits of float32 or float64; products of two such are exact.

    Example:
        >>> upper_half(jnp.float32(1 + 2**-11 + 2**-12))
        Array(1.0004883, dtype=float32)
    """
    return _without_last_digits(values, _CONSTANTS[values.dtype.name].half)


def _without_last_digits(values: jax.Array, digits: int) -> jax.Array:
    integer = _CONSTANTS[values.dtype.name].integer
    bits = lax.bitcast_convert_type(values, integer) & integer(-(1 << digits))
    return lax.bitcast_convert_type(bits, values.dtype)


def decaying_exponential(decay: jax.Array) -> DecayingExponential:
    """exp(-decay) for decay >= 0, inf included, in float32 or float64.

    Args:
        decay: floats >= 0 of any shape; nan gives nan.

    Returns:
        Three arrays of that shape and dtype.  Their exact combination is within 0.3 ulp of the
        truth (tests/numerics/test_exponential.py).

    Example:
        >>> parts = decaying_exponential(jnp.float32(1.0))
        >>> (parts.high + parts.low) * parts.scale
        Array(0.36787945, dtype=float32)
    """
    ln2_high, ln2_low, terms, integer, _ = _CONSTANTS[decay.dtype.name]
    info = jnp.finfo(decay.dtype)
    decay = jnp.minimum(decay, (info.maxexp - 1) * math.log(2))
    k = jnp.round(decay * (1 / math.log(2)))
    exact, small = k * ln2_high - decay, _without_last_digits(k * ln2_low, 1)
    r = exact + small
    series = jnp.full_like(r, 1 / math.factorial(terms))
    for n in range(terms - 1, 1, -1):
        series = series * r + 1 / math.factorial(n)
    rest = _without_last_digits(r * r * series, 1)
    power = r + rest
    high = 1 + power
    low = ((1 - high) + power) + (((r - power) + rest) + ((exact - r) + small))
    exponent = (info.maxexp - 1 - k.astype(integer)) << info.nmant
    return DecayingExponential(high, low, lax.bitcast_convert_type(exponent, decay.dtype))
