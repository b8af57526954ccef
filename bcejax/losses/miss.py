"""The probability m that the label was not given, its powers and its derivatives.

    m(x, y) = y s(-x) + (1 - y) s(x),    s(x) = 1 / (1 + exp(-x))

With h = s(x) s(-x) and T = tanh(x / 2), its derivatives are closed under differentiation:

    function                                      in x        in y
    inverse    k = 1 / m                          -k r        k^2 T
    logarithm  log m                              r           -k T
    power      m^g                                g m^g r     -g m^(g-1) T     in g: m^g log m
    rate       r = (1 - 2 y) h k                  -r u        -h k^2
    bend       u = ((1 - y) s(x)^2 - y s(-x)^2) k 2 h - r u   -h k^2           u = T + r

For label 1 it is m = s(-x), r = -s(x), u = -s(-x); for label 0 m = s(x), r = s(-x), u = s(x).

All are written in q = s(-|x|), the probability of the label that x leans away from, and the share
w of that label in y, so that (x, y) and (-x, 1 - y) give the same bits.  A power by exp(g log m)
has g |log m| times the error of its dtype; here m is taken to more digits than its dtype holds, as
main + rest, and m^g = main^g (1 + g rest / main), with XLA's power, which on CPU is 0.51 ulp off in
float32 (1.3 for a constant g = 3) and 1 in float64.

Infinite coefficients of tangents are held at finfo.max, as in bcejax.numerics.gates.
"""

import jax
import jax.numpy as jnp

from bcejax.numerics import (
    Pair,
    bernoulli_variance,
    finite,
    log1p_exp,
    quick_sum,
    tanh_half,
    twofold_unlikely,
    unlikely,
)


def _away(x: jax.Array, y: jax.Array) -> jax.Array:
    """The share w of the label that x leans away from."""
    return jnp.where(x > 0, 1 - y, y)


@jax.jit  # traced once, however many functions below ask for it
def _split(x: jax.Array, y: jax.Array) -> Pair:
    w, q = _away(x, y), twofold_unlikely(x).pair()
    likely = quick_sum(jnp.ones_like(x), -q.high)
    high = w * likely.high + (1 - w) * q.high
    return Pair(high, w * (likely.low - q.low) + (1 - w) * q.low)


@jax.custom_jvp
def inverse(x: jax.Array, y: jax.Array) -> jax.Array:
    """1 / m, held at finfo.max.

    Example:
        >>> inverse(jnp.array([0.0, 100.0]), jnp.array([1.0, 1.0]))
        Array([2.0000000e+00, 3.4028235e+38], dtype=float32)
    """
    return finite(1 / _split(x, y).high)


@jax.custom_jvp
def logarithm(x: jax.Array, y: jax.Array) -> jax.Array:
    """Log m, held at -finfo.max.

    Example:
        >>> logarithm(jnp.array([0.0, 100.0]), jnp.array([1.0, 1.0]))
        Array([  -0.6931472, -100.       ], dtype=float32)
    """
    w, size = _away(x, y), jnp.abs(x)
    likely = jnp.log1p(_away(-x, y) * jnp.expm1(-size))
    soft = jnp.where(w > 0.5, likely, jnp.log(w + (1 - w) * jnp.exp(-size)))
    return jnp.where(w > 0, soft, finite(-size)) - log1p_exp(size)


def split_power(x: jax.Array, y: jax.Array, exponent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """m^g = main (1 + rest), for values only: no derivatives are defined.

    Example:
        >>> split_power(jnp.array(0.0), jnp.array(1.0), jnp.array(2.0))[0]
        Array(0.25, dtype=float32)
    """
    near, rest = _split(x, y)
    return jnp.power(near, exponent), exponent * (rest * finite(1 / near))


@jax.custom_jvp
def power(x: jax.Array, y: jax.Array, exponent: jax.Array) -> jax.Array:
    """m^g, held at finfo.max where g < 0; 0^0 is 1.

    Example:
        >>> power(jnp.array([0.0, 20.0]), jnp.array([1.0, 1.0]), jnp.array(2.0))
        Array([2.500000e-01, 4.248354e-18], dtype=float32)
    """
    main, rest = split_power(x, y, exponent)
    main = finite(main)
    return main + main * rest


@jax.custom_jvp
def rate(x: jax.Array, y: jax.Array) -> jax.Array:
    """The relative derivative of m, r = m' / m, in [-1, 1].

    Example:
        >>> rate(jnp.array([0.0, 20.0]), jnp.array([1.0, 0.0]))
        Array([-5.0000000e-01,  2.0611537e-09], dtype=float32)
    """
    w, q = _away(x, y), unlikely(x).prob
    hard = w * q + (1 - w) * (1 - q)
    return (1 - 2 * y) * jnp.where((w == 0) | (w == 1), hard, (1 - q) * (q * inverse(x, y)))


@jax.custom_jvp
def bend(x: jax.Array, y: jax.Array) -> jax.Array:
    """u = T + r, by which the relative derivative of m falls.

    Example:
        >>> bend(jnp.array([0.0, 20.0]), jnp.array([1.0, 0.0]))
        Array([-0.5,  1. ], dtype=float32)
    """
    w, q, k = _away(x, y), unlikely(x).prob, inverse(x, y)
    size = w * ((1 - q) * ((1 - q) * k)) - (1 - w) * (q * (q * k))
    return jnp.where(x > 0, size, -size)


def _in_label(x: jax.Array, y: jax.Array) -> jax.Array:
    """The derivative of the last two in the label, -h k^2."""
    k = inverse(x, y)
    return -finite(bernoulli_variance(x) * k * k)


inverse.defjvps(
    lambda dot, out, x, y: -dot * (out * rate(x, y)),
    lambda dot, out, x, y: dot * finite(out * (out * tanh_half(x))),
)
logarithm.defjvps(
    lambda dot, out, x, y: dot * rate(x, y),
    lambda dot, out, x, y: -dot * (inverse(x, y) * tanh_half(x)),
)
power.defjvps(
    lambda dot, out, x, y, g: dot * (g * out * rate(x, y)),
    # not by m^g / m, of which the first may be 0 where their quotient is a number
    lambda dot, out, x, y, g: -dot * (g * power(x, y, g - 1) * tanh_half(x)),
    lambda dot, out, x, y, g: dot * (out * logarithm(x, y)),
)
rate.defjvps(
    lambda dot, out, x, y: -dot * (out * bend(x, y)),
    lambda dot, out, x, y: dot * _in_label(x, y),
)
bend.defjvps(
    lambda dot, out, x, y: dot * (2 * bernoulli_variance(x) - rate(x, y) * out),
    lambda dot, out, x, y: dot * _in_label(x, y),
)
