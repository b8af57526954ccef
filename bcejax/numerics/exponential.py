"""The decaying exponential with more digits than its dtype has.

With k = round(a / ln 2) and r = k ln 2 - a, |r| <= ln(2) / 2,

    exp(-a) = 2^-k exp(r),      exp(r) = 1 + r + r^2 (1/2! + r/3! + r^2/4! + ...)

The sum is kept as ``high + low``, where low is what rounding took from high, and 2^-k as a third,
so that nothing is lost where the product drops below the normal numbers.  XLA's own exp is good to
1.0 ulp in float32 and 1.3 in float64, which is too much for what is built on it: an error of the
numerator doubles where e / (1 + e) falls below a power of two.

The first terms of the series, on request, are summed in pairs (pairs.py), by Horner's rule; then
low has its digits too.

Source: W. Cody and W. Waite, Software Manual for the Elementary Functions (1980), for the
reduction.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.numerics.gates import scalar
from bcejax.numerics.pairs import Pair, product, quick_sum, two_sum, without_last_digits


class DecayingExponential(NamedTuple):
    """``exp(-a) = (high + low) * scale``, with scale a power of two, or 0 below the normals.

    Example:
        >>> parts = decaying_exponential(jnp.float32(1.0))
        >>> parts.scale, decaying_exponential(jnp.float32(100.0)).scale
        (Array(0.5, dtype=float32), Array(0., dtype=float32))
    """

    high: jax.Array
    low: jax.Array
    scale: jax.Array


LN2 = {  # in three parts, of which the first two times any exponent are exact
    "float32": (0.693145751953125, 1.4284159988164902e-06, 1.9082149292705877e-10),
    "float64": (0.6931471805598903, 5.49792301870721e-14, 1.1612227229362532e-26),
}
_TERMS = {"float32": 7, "float64": 13}
_TERMS_BEHIND_PAIRS = {"float32": 13, "float64": 23}


def decaying_exponential(decay: jax.Array, pairs: int = 0) -> DecayingExponential:
    """exp(-decay) for decay >= 0, inf included, in float32 or float64.

    Args:
        decay: floats >= 0 of any shape; nan gives nan.
        pairs: how many terms of the series after the first are summed in pairs.

    Returns:
        Three arrays of that shape and dtype.  Their exact combination is within 0.3 ulp of the
        truth; with 2 pairs within 2^-29 of it in float32 and 2^-58 in float64; with 7 and 11
        within 2^-46 and 2^-98 (tests/numerics/test_exponential.py).

    Example:
        >>> parts = decaying_exponential(jnp.float32(1.0))
        >>> (parts.high + parts.low) * parts.scale
        Array(0.36787945, dtype=float32)
    """
    first, second, third = LN2[decay.dtype.name]
    info = jnp.finfo(decay.dtype)
    decay = jnp.minimum(decay, (info.maxexp - 1) * math.log(2))
    # the sum's last digits are the exponent of 2^-k: rounded and converted at once
    counter = 1.5 * 2**info.nmant + info.maxexp - 1
    exponent = counter - decay * (1 / math.log(2))
    k = counter - exponent
    most, more = k * first - decay, k * second
    if pairs:
        r, lost = two_sum(most, more)
        high, low = _exp_in_pairs(quick_sum(r, lost + k * third), pairs)
    else:
        high, low = _exp(most, more, k * third)
    bits = lax.bitcast_convert_type(exponent, f"int{info.bits}") << info.nmant
    return DecayingExponential(high, low, lax.bitcast_convert_type(bits, decay.dtype))


def _exp(most: jax.Array, more: jax.Array, last: jax.Array) -> Pair:
    """exp(most + more + last), of three parts that get smaller."""
    r = most + more
    # products enter this one sum alone: however it is contracted, it is one number
    rest = more + r * r * _series(r, 2, _TERMS[r.dtype.name])
    power, one = most + rest, scalar(1, r)  # see gates.py
    high = one + power
    return Pair(high, ((one - high) + power) + (((most - power) + rest) + last))


def _exp_in_pairs(r: Pair, pairs: int) -> Pair:
    terms = _TERMS_BEHIND_PAIRS[r.high.dtype.name]
    behind = without_last_digits(r.high * _series(r.high, pairs + 1, terms), 1)
    total = _constant_plus(_inverse_factorial(pairs, r.high), Pair(behind, jnp.zeros_like(behind)))
    for n in range(pairs - 1, -1, -1):
        high, low = product(r.high, total.high)
        low += r.high * total.low + r.low * total.high
        total = _constant_plus(_inverse_factorial(n, r.high), Pair(high, low))
    return quick_sum(*total)


def _constant_plus(constant: Pair, small: Pair) -> Pair:
    high, lost = quick_sum(constant.high, small.high)
    return Pair(high, (lost + constant.low) + small.low)


def _series(r: jax.Array, first: int, last: int) -> jax.Array:
    """1/first! + r/(first + 1)! + ... up to 1/last!."""
    series = jnp.full_like(r, 1 / math.factorial(last))
    for n in range(last - 1, first - 1, -1):
        series = series * r + 1 / math.factorial(n)
    return series


def _inverse_factorial(n: int, like: jax.Array) -> Pair:
    exact = Fraction(1, math.factorial(n))
    high = like.dtype.type(float(exact))
    return Pair(high, like.dtype.type(float(exact - Fraction(float(high)))))
