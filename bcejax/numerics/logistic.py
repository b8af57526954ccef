"""The logistic function and its family, closed under differentiation.

For a logit x, with e = exp(-|x|) and q = e / (1 + e), the probability of the less likely label,

    softplus(x)            log(1 + exp(x)) = max(x, 0) + log1p(e)     derivative  sigmoid
    sigmoid(x)             q if x < 0 else 1 - q                      derivative  variance
    bernoulli_variance(x)  sigmoid(x) sigmoid(-x) = q (1 - q)         derivative  -variance tanh
    tanh_half(x)           tanh(x / 2) = +-(1 - e) / (1 + e)          derivative  2 variance

Each derivative is again one of the four, so derivatives of every order keep their digits.
jax.nn.sigmoid differentiates as s (1 - s), which is 0 in float32 from x = 17 on, where the truth
is still 4e-8; jax.nn.softplus inherits it; jnp.tanh is 4.5 ulp off in float32 and 6.9 in float64.

    scaled_logistic(x, a, b) = R(x; a, b) = 1 / (a + b exp(-x))

is closed likewise: it grows by R(x; a, b) b R(-x; b, a), and falls in a by R(x; a, b)^2 and in b by
R(x; a, b) R(-x; b, a).

All take float32 or float64 of any shape, and outside jit each is one program.  Accuracy wherever
the exact result is a normal number: sigmoid 1 ulp, variance 2.5, tanh_half 2.5, softplus 3,
scaled_logistic 3 and its gradients in x, a and b 4, 6 and 4 (tests/numerics/test_logistic.py).

Source: P. McCullagh and J. Nelder, Generalized Linear Models, 2nd ed. (1989), chapter 4.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.numerics.exponential import decaying_exponential
from bcejax.numerics.gates import finite, scalar
from bcejax.numerics.pairs import upper_half, without_last_digits


class Unlikely(NamedTuple):
    """The probability of the less likely label, and what its rounding lost.

    Their exact sum is good to 0.3 ulp: what the difference q - y needs near its zero.

    Example:
        >>> found = unlikely(jnp.float32(-2.0))
        >>> f"{float(found.prob):.10f}", f"{float(found.prob) + float(found.rest):.10f}"
        ('0.1192029193', '0.1192029220')
    """

    prob: jax.Array
    rest: jax.Array


@jax.jit(inline=True)
def unlikely(logits: jax.Array) -> Unlikely:
    """q = sigmoid(-|x|) = e / (1 + e), within 0.8 ulp, and what its rounding lost.

    The quotient is taken in two steps: a head short enough that its product with the
    denominator is exact, then what remains, divided.

    Example:
        >>> unlikely(jnp.float32(-2.0)).prob
        Array(0.11920292, dtype=float32)
    """
    high, low, scale = decaying_exponential(jnp.abs(logits))
    e, one = high * scale, scalar(1, logits)  # see gates.py
    whole = one + e
    missing = ((one - whole) + e) + low * scale
    inverse = one / whole
    head = upper_half(high * inverse)
    upper = upper_half(whole)
    remainder = ((high - head * upper) - head * (whole - upper)) + (low - head * missing)
    tail = without_last_digits(remainder * inverse, 1)
    prob = head + tail
    return Unlikely(prob * scale, ((head - prob) + tail) * scale)


@jax.jit(inline=True)
def log1p_exp(decay: jax.Array) -> jax.Array:
    """log(1 + exp(-decay)) for decay >= 0, within 2.4 ulp.

    Example:
        >>> log1p_exp(jnp.float32(0.0))
        Array(0.6931472, dtype=float32)
    """
    return log1p_of_share(jnp.exp(-decay))


@jax.jit(inline=True)
def log1p_of_share(values: jax.Array) -> jax.Array:
    """log(1 + e) for e in [0, 1].

    It is log(s) + t / s, where s = 1 + e rounded and t is what the rounding lost: XLA's own log1p
    is 2.5 ulp off by itself.

    Example:
        >>> log1p_of_share(jnp.float32(1e-9))
        Array(1.e-09, dtype=float32)
    """
    s = 1 + values
    return jnp.log(s) + ((1 - s) + values) / s


@jax.custom_jvp
@jax.jit(inline=True)
def softplus(logits: jax.Array) -> jax.Array:
    """log(1 + exp(x)), elementwise.

    Example:
        >>> softplus(jnp.array([-100.0, 0.0, 100.0]))
        Array([  0.       ,   0.6931472, 100.       ], dtype=float32)
    """
    return jnp.where(logits > 0, logits, 0) + log1p_exp(jnp.abs(logits))


@jax.custom_jvp
@jax.jit(inline=True)
def sigmoid(logits: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x)), elementwise.

    Example:
        >>> jax.grad(sigmoid)(20.0)
        Array(2.0611537e-09, dtype=float32, weak_type=True)
    """
    q = unlikely(logits).prob
    return jnp.where(logits < 0, q, 1 - q)


@jax.custom_jvp
@jax.jit(inline=True)
def bernoulli_variance(logits: jax.Array) -> jax.Array:
    """sigmoid(x) sigmoid(-x), elementwise: p (1 - p) without its cancellation.

    Example:
        >>> bernoulli_variance(jnp.array([0.0, 20.0]))
        Array([2.5000000e-01, 2.0611537e-09], dtype=float32)
    """
    q = unlikely(logits).prob
    return q * (1 - q)


@jax.custom_jvp
@jax.jit(inline=True)
def tanh_half(logits: jax.Array) -> jax.Array:
    """tanh(x / 2) = 2 sigmoid(x) - 1, elementwise, with its digits near 0.

    Example:
        >>> tanh_half(jnp.array([-jnp.inf, 1e-6]))
        Array([-1.e+00,  5.e-07], dtype=float32)
    """
    high, low, scale = decaying_exponential(jnp.abs(logits))
    ratio = ((1 - high * scale) - low * scale) / (1 + high * scale)
    return jnp.where(logits < 0, -ratio, ratio)


@jax.custom_jvp
@jax.jit(inline=True)
def scaled_logistic(logits: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """1 / (a + b exp(-x)) for a, b >= 0, elementwise, held at finfo.max.

    The exponential is that of x / 2 twice, so that a small b can meet it before it overflows.
    Where a is 0 it is held from the x on where exp(-x) is no normal number.

    Example:
        >>> scaled_logistic(jnp.array([0.0, jnp.inf]), jnp.array(2.0), jnp.array(6.0))
        Array([0.125, 0.5  ], dtype=float32)
    """
    high, low, scale = decaying_exponential(jnp.abs(logits) / 2)
    square = high * (high + 2 * low)
    small = b * square * scale * scale
    # two divisions by scale become one by its square, which is flushed; finite, for b may be 0
    opposite = finite(1 / scale)
    large = b / square * opposite * opposite
    return finite(1 / (a + jnp.where(logits > 0, small, large)))


@scaled_logistic.defjvp
def _scaled_logistic_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, a, b = primals
    ratio, other = scaled_logistic(x, a, b), scaled_logistic(-x, b, a)
    in_logits = ratio * (b * other)
    scales = finite(ratio * ratio) * tangents[1] + finite(ratio * other) * tangents[2]
    return ratio, in_logits * tangents[0] - scales


softplus.defjvps(lambda dot, out, x: dot * sigmoid(x))
sigmoid.defjvps(lambda dot, out, x: dot * bernoulli_variance(x))
bernoulli_variance.defjvps(lambda dot, out, x: -dot * out * tanh_half(x))
tanh_half.defjvps(lambda dot, out, x: 2 * dot * bernoulli_variance(x))
