"""The tempered logistic function: probabilities with a heavy tail, and their powers.

With the tempered logarithm log_t(p) = (p^(1-t) - 1) / (1 - t), which is log p at t = 1, the
tempered softmax of the pair (x, 0) at a temperature t >= 1 is the p that solves

    log_t(p) - log_t(c) = x,      c = 1 - p

Shifting both numbers of the pair changes nothing.  For t > 1 the tail is a power of the logit,
c ~ ((t - 1) x)^(-1 / (t - 1)), where the logistic function's is exp(-x).  For x >= 0 the surprisal
v = -log c of the unlikely label is the root of

    v = log(1 + k (x + g(v))) / k,      k = t - 1,      g(v) = ((1 - exp(-v))^-k - 1) / k

The right side falls, and its slope is -(c / p)^t, between -1 and 0: Newton's method from the right
needs a fixed number of steps, whatever x and t.  The last one is taken with more digits, since a
power of c turns an absolute error of v into a relative one.  The probability of the likely label,
its surprisal u and the tempered logit z = log p - log c = log(1 + k x p^k) / k follow.

    dv/dx = c^k s(t z),      du/dx = -p^k s(-t z),      dz/dx = dv/dx - du/dx,      dc/dx = -c dv/dx

where s is the logistic function: closed under differentiation.

Source: E. Amid et al., Robust bi-tempered logistic loss based on Bregman divergences (2019).
"""

import math
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.numerics.exponential import decaying_exponential
from bcejax.numerics.logistic import log1p_exp, sigmoid, unlikely
from bcejax.numerics.pairs import Pair, product, quick_sum, two_sum
from bcejax.numerics.powers import decay

_STEPS = 3  # then v misses its root by 2^-27 at most for t in [1, 100], and by 2^-54 once polished


class Solution(NamedTuple):
    """The probabilities of a logit x >= 0: c of the unlikely label, 1 - c of the other.

    ``unlikely_surprisal`` is v, ``likely_surprisal`` u, ``unlikely`` c, ``tempered_logit`` z.
    """

    unlikely_surprisal: Pair
    likely_surprisal: jax.Array
    unlikely: jax.Array
    tempered_logit: jax.Array


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def solve_tempered(size: jax.Array, t: Fraction) -> Solution:
    """The tempered probabilities of a logit >= 0, at a temperature t >= 1.

    Args:
        size: floats >= 0 of any shape; inf gives c = 0.
        t: temperature, a number of the dtype.

    Returns:
        A ``Solution`` of that shape: c, where it is a normal number, and u within 3 ulp
        (tests/numerics/test_tempered.py), z within 4 for t <= 3; its error grows with t, 5 ulp
        were found at 4 and 12 at 12.

    Example:
        >>> solve_tempered(jnp.float32(1e6), Fraction(3, 2)).unlikely
        Array(3.999984e-12, dtype=float32)
    """
    if t == 1:
        bump = log1p_exp(size)
        return Solution(Pair(size, bump), bump, unlikely(size).prob, size)
    k = float(t - 1)
    x = jnp.minimum(size, jnp.finfo(size.dtype).max / (4 * max(k, 1)))
    v = jnp.log1p(k * (x + math.expm1(k * math.log(2)) / k)) / k
    for _ in range(_STEPS):
        v -= (v - jnp.log1p(k * (x + _rise(v, k))) / k) / _slope(v, t)
    surprisal = _polished(x, v, t)
    prob = decay(surprisal)
    u = _complement_surprisal(prob)
    z = jnp.log1p(k * x * jnp.exp(-k * u)) / k
    ended = jnp.isinf(size)
    low, u, prob = (jnp.where(ended, 0, each) for each in (surprisal.low, u, prob))
    high, z = (jnp.where(ended, size, each) for each in (surprisal.high, z))
    return Solution(Pair(high, low), u, prob, z)


@solve_tempered.defjvp
def _solve_tempered_jvp(t, primals, tangents):  # type: ignore[no-untyped-def]
    solution, (dot,) = solve_tempered(*primals, t), tangents
    v, u, prob, z = solution
    rise = unlikely_power(v, t - 1) * sigmoid(float(t) * z) * dot
    fall = jnp.exp(-float(t - 1) * u) * sigmoid(-float(t) * z) * dot
    return solution, Solution(Pair(rise, jnp.zeros_like(rise)), -fall, -prob * rise, rise + fall)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def unlikely_power(surprisal: Pair, exponent: Fraction) -> jax.Array:
    """exp(-n v) for a pair v and a number n >= 0, and 1 where n = 0.

    Example:
        >>> v = solve_tempered(jnp.float32(1e6), Fraction(3, 2)).unlikely_surprisal
        >>> unlikely_power(v, Fraction(1, 2))
        Array(1.999996e-06, dtype=float32)
    """
    n, n_low = _parts(exponent, surprisal.high.dtype)
    v = jnp.minimum(surprisal.high, jnp.finfo(surprisal.high.dtype).max / (4 * n + 1))
    high, low = product(jnp.full_like(v, n), v)
    return decay(quick_sum(high, low + (n_low * v + n * surprisal.low)))


@unlikely_power.defjvp
def _unlikely_power_jvp(exponent, primals, tangents):  # type: ignore[no-untyped-def]
    power = unlikely_power(*primals, exponent)
    return power, -float(exponent) * power * tangents[0].high


def _complement_surprisal(prob: jax.Array) -> jax.Array:
    """-log(1 - c) for c <= 1/2; XLA's own log1p is worse."""
    rest = 1 - prob
    return -jnp.log(rest) - ((1 - rest) - prob) / rest


def _rise(v: jax.Array, k: float) -> jax.Array:
    """g(v), from exp(u) - 1 = (1 - exp(-u)) / exp(-u)."""
    high, low, scale = decaying_exponential(
        k * _complement_surprisal(decay(Pair(v, jnp.zeros_like(v))))
    )
    return ((1 - high * scale) - low * scale) / (high * scale) / k


def _slope(v: jax.Array, t: Fraction) -> jax.Array:
    """1 + (c / p)^t."""
    return 1 + jnp.exp(-float(t) * (v - _complement_surprisal(jnp.exp(-v))))


def _polished(x: jax.Array, v: jax.Array, t: Fraction) -> Pair:
    """A last step of Newton's method, of which both parts are kept."""
    k, g = float(t - 1), _rise(v, float(t - 1))
    total = two_sum(x, g)
    high, low = product(jnp.full_like(x, k), total.high)
    whole = two_sum(high, jnp.ones_like(x))
    start = jnp.log1p(high)
    power = decaying_exponential(start, 2)
    head = whole.high * power.scale
    one = product(head, power.high)
    rest = (whole.low + (low + k * total.low)) * power.scale
    correction = (one.high - 1) + (one.low + (head * power.low + rest * power.high))
    inverse, inverse_low = _parts(1 / (t - 1), x.dtype)
    fixed = product(start, jnp.full_like(x, inverse))
    missed = fixed.low + (start * inverse_low + correction * inverse)
    return quick_sum(v, ((fixed.high - v) + missed) / _slope(v, t))


def _parts(number: Fraction, dtype: jnp.dtype) -> tuple[float, float]:
    """A number in a dtype, and what that lost."""
    high = float(dtype.type(float(number)))
    return high, float(number - Fraction(high))
