"""Powers of a probability, and what a decaying exponential adds up to.

    decay(a)                exp(-a) for a pair a
    sigmoid_power(x, q)     s(x)^q = exp(-q softplus(-x))
    decay_moment(n, l, q)   the integral of t^n exp(-q t) from 0 to l

A relative error of an exponent is an absolute one of its exponential: rounding q x = 60 costs 16
ulp in float32.  So products that go into an exponent are kept in two parts.

The moments are closed under differentiation, in l they are l^n exp(-q l), in q the next moment
with the other sign.  The first is -expm1(-q l) / q, and l where q = 0; XLA's own expm1 is 5 ulp
off in float32.  Near 0 a moment is a series of positive terms, else an integral by parts,

    l^(n+1) exp(-u) (1 / (n+1) + u / ((n+1)(n+2)) + ...),       (n M_(n-1) - l^n exp(-u)) / q

with u = q l.

Accuracy: decay 0.9 ulp; sigmoid_power 2.5 for q in [0, 1]; the first three moments 2, 16 and
24, of which the later serve derivatives in q alone (tests/numerics/test_powers.py).

Source: W. Gautschi, A computational procedure for incomplete gamma functions (1979).
"""

from functools import partial

import jax
import jax.numpy as jnp

from bcejax.numerics.exponential import decaying_exponential
from bcejax.numerics.gates import finite
from bcejax.numerics.logistic import log1p_exp, sigmoid, softplus
from bcejax.numerics.pairs import Pair, product, quick_sum

_SERIES_TERMS = 32  # where u < n + 1: the next is below 2^-60 of the sum


def decay(exponent: Pair) -> jax.Array:
    """exp(-a) for a pair a >= 0, within 0.9 ulp; 0 for inf, whatever its low part.

    Example:
        >>> decay(Pair(jnp.float32(60), jnp.float32(1e-6)))
        Array(8.756502e-27, dtype=float32)
    """
    high, low, scale = decaying_exponential(exponent.high)
    rest = jnp.where(jnp.isfinite(exponent.low), exponent.low, 0)
    return (high + (low - high * rest)) * scale


@jax.custom_jvp
def sigmoid_power(logits: jax.Array, exponent: jax.Array) -> jax.Array:
    """sigmoid(x)^q for q >= 0, elementwise; 1 where q = 0.

    Example:
        >>> sigmoid_power(jnp.array([-jnp.inf, -80.0]), jnp.array([0.0, 0.5]))
        Array([1.000000e+00, 4.248354e-18], dtype=float32)
    """
    size = jnp.minimum(jnp.abs(logits), jnp.finfo(logits.dtype).max)
    high, low = product(exponent, jnp.where(logits > 0, 0, size))
    return decay(quick_sum(high, low + exponent * log1p_exp(size)))


@sigmoid_power.defjvp
def _sigmoid_power_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, q = primals
    power = sigmoid_power(x, q)
    in_logits = q * power * sigmoid(-x)
    return power, in_logits * tangents[0] - finite(softplus(-x)) * power * tangents[1]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def decay_moment(order: int, length: jax.Array, rate: jax.Array) -> jax.Array:
    """The integral of t^order exp(-rate t) from 0 to length, elementwise, for numbers >= 0.

    Example:
        >>> decay_moment(0, jnp.array([2.0, 2.0, jnp.inf]), jnp.array([0.0, 1.0, 0.25]))
        Array([2.        , 0.86466473, 4.        ], dtype=float32)
    """
    u = jnp.where(rate == 0, 0, rate * length)
    near = u < order + 1
    if order == 0:
        parts = decaying_exponential(u)
        lost = (1 - parts.high * parts.scale) - parts.low * parts.scale
        share = jnp.where(u == 0, 1, lost / u)
        return jnp.where(near, length * share, lost / rate)
    series = jnp.zeros_like(u)
    for n in range(order + _SERIES_TERMS, order, -1):
        series = (1 + u * series) / n
    below = order * decay_moment(order - 1, length, rate) - _integrand(order, length, rate)
    return jnp.where(near, length ** (order + 1) * jnp.exp(-u) * series, below / rate)


@decay_moment.defjvp
def _decay_moment_jvp(order, primals, tangents):  # type: ignore[no-untyped-def]
    moment, following = (decay_moment(n, *primals) for n in (order, order + 1))
    in_length = finite(_integrand(order, *primals))
    return moment, in_length * tangents[0] - finite(following) * tangents[1]


def _integrand(order: int, length: jax.Array, rate: jax.Array) -> jax.Array:
    """length^order exp(-rate length), with its limits where length is infinite."""
    ended = jnp.isinf(length) & (rate > 0)
    t = jnp.where(ended, 0, length)
    power = jnp.exp(-jnp.where(rate == 0, 0, rate * t))
    return jnp.where(ended, 0, t**order * power)
