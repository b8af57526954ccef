r"""Quantiles of the beta distribution, in float32 too and up to 1e7 trials.

With x = sigmoid(t), y = sigmoid(-t), n = a + b and e = a - n x, the density of Beta(a, b) in t is

    f(t) = x^a y^b / B(a, b)
         = sqrt(a b / (2 pi n)) exp(-h(a, -e) - h(b, e) + d(n) - d(a) - d(b)),
    h(m, e) = e - m log(1 + e/m),    d(z) = log Gamma(z) - Stirling's (z - 1/2) log z - z + ...,

a product of small numbers, where the difference of three log Gamma has no digit left in float32
from a million trials on.  The share below t is F = f / a times a continued fraction.  log F is
concave in t, so Newton's method for log F(t) = log q converges from any start, and from the left
without passing the solution.  It is used for q <= 1/2; above, a and b change places.

References:
    C. Loader, Fast and accurate computation of binomial probabilities (2000).
    NIST Digital Library of Mathematical Functions, 8.17.22 (the continued fraction).
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtri

from bcejax.numerics import sigmoid

STEPS = 9  # of Newton's method; 7 were enough
TERMS = 10_000  # most of the continued fraction; some multiple of sqrt(n) are used


def beta_quantile(share: jax.Array | float, a: jax.Array, b: jax.Array) -> jax.Array:
    """The x below which a share of Beta(a, b) lies.

    It has no derivative: that returned by JAX is 0.

    Args:
        share: in (0, 1); broadcasts to the shape of ``a``.
        a: > 0, floats of any shape.
        b: > 0, same shape.

    Returns:
        x in (0, 1), of that shape; nan where an argument is nan.

    Accuracy: for a and b from 1/2 to 1e7 the share below x, by SciPy, is within 2e-5 (float32, but
    for the rounding of x) or 1e-11 (float64) of the share asked for, relative to it or to its
    complement (tests/calibration/test_beta_law.py).

    Example:
        >>> round(float(beta_quantile(0.5, jnp.array(1.0), jnp.array(3.0))), 5)
        0.2063
    """
    a, b = lax.stop_gradient((a, b))
    share = jnp.broadcast_to(jnp.asarray(share, a.dtype), a.shape)
    upper = share > 0.5
    first, second = jnp.where(upper, b, a), jnp.where(upper, a, b)
    t = _log_odds_quantile(jnp.where(upper, 1 - share, share), first, second)
    return sigmoid(jnp.where(upper, -t, t))


@jax.jit
def _log_odds_quantile(share: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """log-odds of the quantile, for a share up to 1/2."""
    # the normal law of the log-odds, and further to the left where their law is skew
    start = jnp.log(a) - jnp.log(b) + ndtri(share) * jnp.sqrt(1 / a + 1 / b) - 1 / a

    def step(_: int, t: jax.Array) -> jax.Array:
        fraction = _fraction(sigmoid(t), a, b)
        log_share = _log_density(t, a, b) + jnp.log(fraction / a)
        return t + (jnp.log(share) - log_share) * fraction / a

    return lax.fori_loop(0, STEPS, step, start)


def _log_density(t: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    n, x, y = a + b, sigmoid(t), sigmoid(-t)
    e = jnp.where(x < y, a - n * x, n * y - b)
    stirling = _stirling_rest(n) - _stirling_rest(a) - _stirling_rest(b)
    return 0.5 * jnp.log(a / n * b / (2 * jnp.pi)) + stirling - _excess(a, -e) - _excess(b, e)


def _excess(m: jax.Array, e: jax.Array) -> jax.Array:
    """h(m, e) = e - m log(1 + e/m) >= 0, with its digits where e/m is small."""
    u = e / m
    v = u / (2 + u)
    square, odd = v * v, 0.0
    for k in range(25, 1, -2):  # log1p(u) = 2 artanh(v), u - 2 v = u v
        odd = odd * square + 1 / k
    near = u * v - 2 * v * square * odd
    return m * jnp.where(jnp.abs(u) < 0.3, near, u - jnp.log1p(u))


def _stirling_rest(z: jax.Array) -> jax.Array:
    """log Gamma(z) - (z - 1/2) log z + z - log(2 pi) / 2."""
    rest = jnp.zeros_like(z)
    for _ in range(8):  # the series below wants a large z
        rest += (z + 0.5) * jnp.log1p(1 / z) - 1
        z = z + 1
    square = 1 / (z * z)
    series = 1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))
    return rest + series / z


def _fraction(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """1 / (1 + d1 / (1 + d2 / (1 + ...))) by Lentz's method, two terms a turn."""
    tiny, eps = jnp.finfo(x.dtype).tiny, jnp.finfo(x.dtype).eps

    def turn(state):
        m, value, c, d, _ = state
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / _not_0(1 + term * d, tiny)
            c = _not_0(1 + term / c, tiny)
            change = change * c * d
        return m + 1, value * change, c, d, jnp.any(jnp.abs(change - 1) > 2 * eps)

    d = 1 / _not_0(1 - (a + b) * x / (a + 1), tiny)
    start = (jnp.ones((), x.dtype), d, jnp.ones_like(x), d, jnp.array(True))
    return lax.while_loop(lambda state: state[4] & (state[0] < TERMS), turn, start)[1]


def _not_0(x: jax.Array, tiny: float) -> jax.Array:
    return jnp.where(jnp.abs(x) < tiny, tiny, x)
