"""The logistic function and its logarithm with twice the digits of their dtype.

For a logit x, with e = exp(-|x|), both from a quotient of pairs:

    q = e / (1 + e)                      the probability of the less likely label
    log(1 + e) = t + t^3/12 + t^5/80 + ...,   t = e / (1 + e / 2)       (2 artanh(t / 2))

The quotient n / (1 + c) is one division, what it missed, taken exactly, times 1 / (1 + c), which
is 1 - c n / (1 + c) / n and so needs no second one: XLA stores the result of a division that is
used twice, and computes all that led to it again.

Source: T. Dekker, A floating-point technique for extending the available precision (1971).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.numerics.exponential import DecayingExponential, decaying_exponential
from bcejax.numerics.pairs import Pair, quick_sum, upper_half, without_last_digits


class Scaled(NamedTuple):
    """``(high + low) * scale``, with scale a power of two: no digit is lost to underflow."""

    high: jax.Array
    low: jax.Array
    scale: jax.Array

    def pair(self) -> Pair:
        """The number as a pair, whose low part may have been flushed."""
        return Pair(self.high * self.scale, self.low * self.scale)


_PAIRS = {"float32": 7, "float64": 11}  # of the exponential's series, for all of its digits
_ARTANH_TERMS = {"float32": 9, "float64": 18}


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
    square = (t.high * e.scale) * (t.high * e.scale) * 0.25
    last = _ARTANH_TERMS[decay.dtype.name]
    series = jnp.full_like(square, 1 / (2 * last + 1))
    for n in range(last - 1, 0, -1):
        series = series * square + 1 / (2 * n + 1)
    return Scaled(*quick_sum(t.high, t.low + t.high * (square * series)), e.scale)


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
