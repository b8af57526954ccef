"""The logistic function and its logarithm with twice the digits of their dtype.

For a logit x, with e = exp(-|x|), both from a quotient of pairs:

    q = e / (1 + e)                      the probability of the less likely label
    log(1 + e) = t + t^3/12 + t^5/80 + ...,   t = e / (1 + e / 2)       (2 artanh(t / 2))
    log(2^k m) = k ln 2 + t + t^3/12 + ...,   t = 2 (m - 1) / (m + 1)

The first two quotients, e / (1 + f e), are one division and what it missed, taken exactly, times
1 / (1 + f e) = 1 - f e / (1 + f e).  There is no second division: XLA on CPU stores the result of
one that is used twice, and computes again all that led to it.

Source: T. Dekker, A floating-point technique for extending the available precision (1971).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.numerics.exponential import LN2, DecayingExponential, decaying_exponential
from bcejax.numerics.pairs import (
    Pair,
    over,
    plus,
    quick_sum,
    two_sum,
    upper_half,
    without_last_digits,
)


class Scaled(NamedTuple):
    """``(high + low) * scale``, with scale a power of two: no digit is lost to underflow.

    Example:
        >>> rare = twofold_unlikely(jnp.float32(-80.0))
        >>> math.log2(rare.scale)
        -115.0
        >>> f"{(float(rare.high) + float(rare.low)) * float(rare.scale):.12g}"
        '1.80485138785e-35'
    """

    high: jax.Array
    low: jax.Array
    scale: jax.Array

    def pair(self) -> Pair:
        """The number as a pair, whose low part may have been flushed."""
        return Pair(self.high * self.scale, self.low * self.scale)


_PAIRS = {"float32": 7, "float64": 11}  # of the exponential's series, for all of its digits
_ARTANH_TERMS = {"float32": 9, "float64": 18}  # u^2 <= 1/9
_LOG_TERMS = {"float32": 6, "float64": 12}  # u^2 <= 0.03


def twofold_unlikely(logits: jax.Array) -> Scaled:
    """q = sigmoid(-|x|), within 2^-44 of it in float32 and 2^-97 in float64.

    Example:
        >>> twofold_unlikely(jnp.float32(-2.0)).pair().high
        Array(0.11920292, dtype=float32)
    """
    e = decaying_exponential(jnp.abs(logits), _PAIRS[logits.dtype.name])
    return Scaled(*_over_one_plus(e, 1.0), e.scale)


def twofold_log1p_exp(decay: jax.Array) -> Scaled:
    """log(1 + exp(-decay)) for decay >= 0, within 2^-26 of it in float32 and 2^-55 in float64.

    Example:
        >>> twofold_log1p_exp(jnp.float32(0.0)).pair().high
        Array(0.6931472, dtype=float32)
    """
    e = decaying_exponential(decay, 2)
    t = _over_one_plus(e, 0.5)
    half = t.high * (e.scale * 0.5)
    rest = artanh_rest(half * half, _ARTANH_TERMS[decay.dtype.name])
    return Scaled(*quick_sum(t.high, t.low + t.high * rest), e.scale)


def twofold_log(values: Pair) -> Pair:
    """The logarithm of a positive normal pair, within 2^-25 of it (2^-54 in float64).

    Example:
        >>> twofold_log(Pair(jnp.float32(1.0), jnp.float32(1e-9))).high
        Array(1.e-09, dtype=float32)
    """
    info = jnp.finfo(values.high.dtype)
    integer = jnp.dtype(f"int{info.bits}")
    # counted from 1 / sqrt(2), so that m lies on both sides of 1
    root = lax.bitcast_convert_type(jnp.array(math.sqrt(0.5), values.high.dtype), integer)
    k = (lax.bitcast_convert_type(values.high, integer) - root) >> info.nmant
    bias = info.maxexp - 1
    scale = lax.bitcast_convert_type((bias - k) << info.nmant, values.high.dtype)
    m = Pair(values.high * scale, values.low * scale)
    one = jnp.ones_like(m.high)
    less, more = Pair(m.high - 1, m.low), quick_sum(one, m.high)
    half = over(less, Pair(more.high, more.low + m.low))
    rest = artanh_rest(half.high * half.high, _LOG_TERMS[values.high.dtype.name])
    mantissa = quick_sum(2 * half.high, 2 * (half.low + half.high * rest))
    first, second, _ = LN2[values.high.dtype.name]
    number = k.astype(values.high.dtype)
    return plus(two_sum(number * first, number * second), mantissa)


def artanh_rest(square: jax.Array, terms: int) -> jax.Array:
    """artanh(u) / u - 1 = u^2/3 + u^4/5 + ..., from u^2.

    Example:
        >>> artanh_rest(jnp.float32(0.01), 4)
        Array(0.00335348, dtype=float32)
    """
    series = jnp.full_like(square, 1 / (2 * terms + 1))
    for n in range(terms - 1, 0, -1):
        series = series * square + 1 / (2 * n + 1)
    return square * series


def _over_one_plus(e: DecayingExponential, factor: float) -> Pair:
    """e / (1 + factor e), without e's scale."""
    high, low, scale = e
    part = high * (scale * factor)
    whole = 1 + part
    missing = ((1 - whole) + part) + low * (scale * factor)
    ratio = without_last_digits(high / whole, 1)
    ratio_upper, whole_upper = upper_half(ratio), upper_half(whole)
    ratio_lower, whole_lower = ratio - ratio_upper, whole - whole_upper
    left = ((high - ratio_upper * whole_upper) - ratio_upper * whole_lower) - (
        ratio_lower * whole_upper
    )
    rest = (left - ratio_lower * whole_lower) + (low - ratio * missing)
    return quick_sum(ratio, rest - rest * (ratio * (scale * factor)))
