"""Gates that numbers pass on their way into a formula, linear for tangents.

    nearest(v, a, b) v in [a, b], and what is beyond on the edge
    finite(v)        v, and -+inf as -+finfo.max: a coefficient that may meet a zero tangent
    inside(v, a, b)  whether v lies in [a, b], or misses it by rounding
    within(v, a, b)  v in [a, b]; nudged onto the edge where it misses by rounding, nan beyond
    absorb(w, v)     w v, where w = 0 wins over any v: 0 inf = 0

The derivatives multiply each tangent by a number that depends on the primals alone, never tested,
so that forward and reverse mode agree at every edge.

XLA on CPU fuses a loss into its sum, at a third of the time, where it finds only arithmetic: no
comparison, select or clamp, and no constant that another fusion shares (then it stores an array of
it).  So in ``absorb`` what is 0 or inf, as the case may be, comes from an overflow (``ceiling``),
and 0 and 1 in what a gradient is made of come from ``scalar``.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def nearest(values: jax.Array, low: float, high: float) -> jax.Array:
    """The numbers in [low, high] nearest to the values; derivative 1.

    Example:
        >>> nearest(jnp.array([0.25, 1.5]), 0.0, 1.0)
        Array([0.25, 1.  ], dtype=float32)
    """
    return jnp.clip(values, low, high)


@nearest.defjvp
def _nearest_jvp(low, high, primals, tangents):  # type: ignore[no-untyped-def]
    return nearest(*primals, low, high), tangents[0]


def finite(values: jax.Array) -> jax.Array:
    """The values, infinite ones replaced by the largest finite number; derivative 1.

    Example:
        >>> finite(jnp.array([1.0, -jnp.inf]))
        Array([ 1.0000000e+00, -3.4028235e+38], dtype=float32)
    """
    most = float(jnp.finfo(values.dtype).max)
    return nearest(values, -most, most)


@partial(jax.jit, static_argnums=(1, 2), inline=True)
def inside(values: jax.Array, low: float, high: float) -> jax.Array:
    """Whether the values lie in [low, high], or miss it by at most 4 eps, which is rounding.

    Example:
        >>> inside(jnp.array([0.25, 1.0000001, 85.0]), 0.0, 1.0)
        Array([ True,  True, False], dtype=bool)
    """
    slack = 4 * jnp.finfo(values.dtype).eps
    return (values >= low - slack) & (values <= high + slack)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
@partial(jax.jit, static_argnums=(1, 2), inline=True)
def within(values: jax.Array, low: float, high: float) -> jax.Array:
    """The values where they lie in [low, high], nan where they miss it by more than 4 eps.

    A miss of at most 4 eps is moved onto the edge.  The derivative is 1, and nan where the value
    is nan.

    Example:
        >>> within(jnp.array([0.25, 1.0000001, 85.0]), 0.0, 1.0)
        Array([0.25, 1.  ,  nan], dtype=float32)
    """
    fine = inside(values, low, high)
    return jnp.where(fine, jnp.clip(values, scalar(low, values), scalar(high, values)), jnp.nan)


@within.defjvp
def _within_jvp(low, high, primals, tangents):  # type: ignore[no-untyped-def]
    gated = within(*primals, low, high)
    return gated, tangents[0] * jnp.where(jnp.isnan(gated), gated, 1)


def scalar(number: float, like: jax.Array) -> jax.Array:
    """The number in the dtype of an array, as a constant that XLA does not share.

    Example:
        >>> scalar(1, jnp.zeros(3, jnp.float32))
        Array(1., dtype=float32)
    """
    return lax.optimization_barrier(jnp.array(number, like.dtype))


def one_or_nan(probs: jax.Array) -> jax.Array:
    """1 where ``within(probs, 0.0, 1.0)`` is a number, else nan; by arithmetic alone.

    Example:
        >>> one_or_nan(jnp.array([0.25, 1.0000001, 85.0]))
        Array([ 1.,  1., nan], dtype=float32)
    """
    slack = 4 * float(jnp.finfo(probs.dtype).eps)
    # the root of what lies beyond the slack is nan
    return 1 + 0 * jnp.sqrt(probs * (1 - probs) + slack * (1 + slack))


def ceiling(values: jax.Array) -> jax.Array:
    """inf where the values are positive normal numbers, else 0; nan for nan.

    Example:
        >>> ceiling(jnp.array([-1.0, 0.0, 1e-30]))
        Array([ 0.,  0., inf], dtype=float32)
    """
    most = float(jnp.finfo(values.dtype).max)
    return jnp.maximum(values * most, 0) * most  # the maximum keeps the factors apart


@jax.custom_jvp
def absorb(weights: jax.Array, values: jax.Array) -> jax.Array:
    """weights * values for both >= 0, and 0 where the weight is 0, even where the value is inf.

    Example:
        >>> absorb(jnp.array([0.0, 2.0]), jnp.array([jnp.inf, 3.0]))
        Array([0., 6.], dtype=float32)
    """
    return weights * jnp.minimum(values, ceiling(weights))


@absorb.defjvp
def _absorb_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    weights, values = primals
    return absorb(weights, values), tangents[0] * finite(values) + weights * tangents[1]
