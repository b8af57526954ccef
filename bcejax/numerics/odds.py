"""Logarithms and odds of probabilities that keep their digits, closed under differentiation.

For a probability p and its logarithm l = log p <= 0,

    surprisal(p)               -log p                         derivative  -1 / p
    complement_surprisal(p)    -log(1 - p)                    derivative  1 / (1 - p)
    log_odds(p)                log p - log(1 - p)             derivative  1 / p + 1 / (1 - p)
    odds_from_log(l)           p / (1 - p) = 1 / expm1(-l)    derivative  odds (1 + odds)
    complement_from_log(l)     -log(1 - exp(l))               derivative  odds

An infinite coefficient of a tangent is held at finfo.max (see gates.py): at p = 0 the derivative
of -log p comes out as -finfo.max.  XLA's log1p in float64 is up to 129 ulp off near -0.41 (jax
issue 39707), so log1p(-p) is used below p = 1/4 only, and log(1 - p), whose argument is then
nearly exact, above.

Accuracy: 4 ulp; log_odds and complement_from_log 5; odds_from_log 6, for XLA's expm1 is itself 5
ulp off in float32 (tests/numerics/test_odds.py, tests/losses/test_from_probs.py).

Source: M. Maechler, Accurately computing log(1 - exp(-|a|)) (2012).
"""

import jax
import jax.numpy as jnp

from bcejax.numerics.gates import finite


@jax.custom_jvp
@jax.jit(inline=True)
def inverse(values: jax.Array) -> jax.Array:
    """1 / v, held at finfo.max; derivative -1 / v^2, held likewise.

    Example:
        >>> inverse(jnp.array([4.0, 0.0]))
        Array([2.5000000e-01, 3.4028235e+38], dtype=float32)
    """
    return finite(1 / values)


@jax.custom_jvp
@jax.jit(inline=True)
def surprisal(probs: jax.Array) -> jax.Array:
    """-log p, elementwise.

    Example:
        >>> surprisal(jnp.array([0.0, 0.5]))
        Array([      inf, 0.6931472], dtype=float32)
    """
    return -jnp.log(probs)


@jax.custom_jvp
@jax.jit(inline=True)
def complement_surprisal(probs: jax.Array) -> jax.Array:
    """-log(1 - p), elementwise.

    Example:
        >>> complement_surprisal(jnp.array([1e-20, 1.0]))
        Array([1.e-20,    inf], dtype=float32)
    """
    return -jnp.where(probs < 0.25, jnp.log1p(-probs), jnp.log(1 - probs))


@jax.custom_jvp
@jax.jit(inline=True)
def log_odds(probs: jax.Array) -> jax.Array:
    """log(p / (1 - p)), elementwise, with its digits near p = 1/2.

    With m = min(p, 1 - p) it is +-log1p((1 - 2 m) / m): one logarithm of a number above 1.

    Example:
        >>> log_odds(jnp.array([0.0, 0.5, 0.75]))
        Array([     -inf, 0.       , 1.0986123], dtype=float32)
    """
    low = probs < 0.5
    rare = jnp.where(low, probs, 1 - probs)
    size = jnp.log1p((1 - 2 * rare) / rare)
    return jnp.where(low, -size, size)


@jax.custom_jvp
@jax.jit(inline=True)
def odds_from_log(log_probs: jax.Array) -> jax.Array:
    """p / (1 - p) from log p, elementwise, held at finfo.max.

    Example:
        >>> odds_from_log(jnp.log(jnp.array([0.0, 0.5, 1.0])))
        Array([0.0000000e+00, 1.0000000e+00, 3.4028235e+38], dtype=float32)
    """
    return finite(1 / jnp.abs(jnp.expm1(-log_probs)))


@jax.custom_jvp
@jax.jit(inline=True)
def complement_from_log(log_probs: jax.Array) -> jax.Array:
    """-log(1 - p) from log p, elementwise.

    Example:
        >>> complement_from_log(jnp.array([-jnp.inf, -0.6931472, 0.0]))
        Array([0.       , 0.6931472,       inf], dtype=float32)
    """
    tail, head = jnp.log1p(-jnp.exp(log_probs)), jnp.log(-jnp.expm1(log_probs))
    return -jnp.where(log_probs < -1.4, tail, head)


inverse.defjvps(lambda dot, out, v: -dot * finite(out * out))
surprisal.defjvps(lambda dot, out, p: -dot * inverse(p))
complement_surprisal.defjvps(lambda dot, out, p: dot * inverse(1 - p))
log_odds.defjvps(lambda dot, out, p: dot * (inverse(p) + inverse(1 - p)))
odds_from_log.defjvps(lambda dot, out, log_p: dot * finite(out * (1 + out)))
complement_from_log.defjvps(lambda dot, out, log_p: dot * odds_from_log(log_p))
