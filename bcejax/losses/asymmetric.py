"""The asymmetric loss: focal, with a gamma for each label and a margin for easy negatives.

With p = s(x), q = s(-x), and u = max(p - m, 0), the probability moved down by the margin m,

    loss         L = y q^g l(x, 1) + (1 - y) N,      N = u^k (-log v),  v = 1 - u
    gradient     y (focal's, with g) + (1 - y) N',   N' = h (k u^(k-1) (-log v) + u^k / v)
    in labels    q^g l(x, 1) - N

where g = gamma_pos, k = gamma_neg, l is the cross-entropy and h = p q.  A negative with p <= m
costs nothing and has no gradient; at p = m the loss has a kink of order k + 1, where derivatives
are taken from the left.  v = q + m is not clamped: the gradient of a hard negative is never 0, as
it is where -log is held at 18.4.  Without a margin N is focal's.

Near the kink p - m cancels; with p in two parts it keeps its digits.

Source: T. Ridnik et al., Asymmetric loss for multi-label classification (2021).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.focal import focal
from bcejax.losses.programs import elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.numerics import (
    Pair,
    absorb,
    artanh_rest,
    bernoulli_variance,
    finite,
    inverse,
    quick_sum,
    sigmoid,
    surprisal,
    two_sum,
    twofold_unlikely,
    upper_half,
)

_TERMS = {"float32": 8, "float64": 17}  # (g/2)^2 <= 1/9: the next is below 2^-4 ulp


def asymmetric_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma_pos: ArrayLike = 0.0,
    gamma_neg: ArrayLike = 4.0,
    shift: float = 0.05,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Asymmetric loss of each logit, in nats, for many negatives of which most are easy.

        L(x, y) = -y s(-x)^gamma_pos log s(x) - (1 - y) u^gamma_neg log(1 - u)
        u = max(s(x) - shift, 0)

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.  Soft ones mix the
            losses of the two labels.
        gamma_pos: number >= 0, what easy positives are weighed down by; broadcasts to the
            logits' shape.
        gamma_neg: the same for negatives.
        shift: margin in [0, 1), a Python number: negatives with a probability up to it cost
            nothing.  Without it and both gammas 0 this is the cross-entropy.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision.  Tangents flow to
        logits, labels and both gammas.

    Raises:
        TypeError: logits are not floats, labels or a gamma not real, or where not boolean.
        ValueError: shapes differ, or a gamma or shift is a number out of range.

    Accuracy:
        For gammas <= 5 and labels 0 and 1, wherever the result is a normal number: value 4 ulp,
        gradient 7.5; the gradient of label 0 with a shift from 1e-31 on (1e-292 in float64).
        Second derivative and derivative in the label 8 ulp of the largest term, for soft labels
        all twice that (tests/losses/test_family.py, test_asymmetric.py, test_worst_points.py).

    Example:
        >>> asymmetric_loss(jnp.array([-30.0, 30.0, -3.0]), jnp.array([1, 0, 0]))
        Array([30.       ,  2.4400427,  0.       ], dtype=float32)
    """
    if not 0 <= shift < 1:
        raise ValueError(f"shift lies in [0, 1), got {shift}")
    given = elementwise(logits, labels, name="logits", where=where)
    powers = (
        setting(gamma, name, given.shape)
        for gamma, name in ((gamma_pos, "gamma_pos"), (gamma_neg, "gamma_neg"))
    )
    return evaluate(_mixed, given, *powers, shift=float(shift))


def _mixed(x: jax.Array, y: jax.Array, g: jax.Array, k: jax.Array, shift: float) -> jax.Array:
    ones = focal(x, jnp.ones_like(x), g)
    zeros = _shifted(x, k, shift) if shift else focal(x, jnp.zeros_like(x), k)
    return absorb(y, ones) + absorb(1 - y, zeros)


def _shifted(x: jax.Array, power: jax.Array, shift: float) -> jax.Array:
    return absorb(_power(x, power, shift), _surprisal(x, shift))


@partial(jax.jit, static_argnums=1)  # traced once, however often it is asked for
def _split(x: jax.Array, shift: float) -> Pair:
    """u in two parts; 0 where p <= m."""
    q, m = twofold_unlikely(x).pair(), jnp.asarray(shift, x.dtype)
    likely = quick_sum(jnp.ones_like(x), -q.high)
    lost = jnp.where(x > 0, likely.low - q.low, q.low)
    apart, more_lost = two_sum(jnp.where(x > 0, likely.high, q.high), -m)
    lost += more_lost
    u = jnp.maximum(apart + lost, 0)
    return Pair(u, jnp.where(u > 0, (apart - u) + lost, 0))


def _rise(x: jax.Array, shift: float) -> jax.Array:
    """The derivative of u."""
    return jnp.where(_split(x, shift).high > 0, bernoulli_variance(x), 0)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _excess(x: jax.Array, shift: float) -> jax.Array:
    """u."""
    return _split(x, shift).high


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _complement(x: jax.Array, shift: float) -> jax.Array:
    """v = 1 - u = s(-x) + m above the margin."""
    above = _split(x, shift).high > 0
    return jnp.where(above, sigmoid(-x) + jnp.asarray(shift, x.dtype), 1)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _surprisal(x: jax.Array, shift: float) -> jax.Array:
    """-log v."""
    u = _split(x, shift)
    return jnp.where(u.high < 0.5, _series(u), -jnp.log(_complement(x, shift)))


@jax.jit
def _series(u: Pair) -> jax.Array:
    """-log(1 - u) = g + g ((g/2)^2 / 3 + (g/2)^4 / 5 + ...) for u <= 1/2, g = u / (1 - u/2)."""
    whole = 1 - u.high / 2
    missing = ((1 - whole) - u.high / 2) - u.low / 2
    g = u.high / whole
    near, upper = upper_half(g), upper_half(whole)
    off = ((u.high - near * upper) - near * (whole - upper)) + (u.low - near * missing)
    return near + (off / whole + g * artanh_rest(g * g / 4, _TERMS[g.dtype.name]))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _power(x: jax.Array, power: jax.Array, shift: float) -> jax.Array:
    """u^k."""
    u = _split(x, shift)
    result = jnp.power(u.high, power)
    return result + result * (power * (u.low * finite(1 / u.high)))


@_excess.defjvp
def _excess_jvp(shift, primals, tangents):  # type: ignore[no-untyped-def]
    return _excess(*primals, shift), tangents[0] * _rise(primals[0], shift)


@_complement.defjvp
def _complement_jvp(shift, primals, tangents):  # type: ignore[no-untyped-def]
    return _complement(*primals, shift), -tangents[0] * _rise(primals[0], shift)


@_surprisal.defjvp
def _surprisal_jvp(shift, primals, tangents):  # type: ignore[no-untyped-def]
    slope = _rise(primals[0], shift) / _complement(*primals, shift)
    return _surprisal(*primals, shift), tangents[0] * slope


@_power.defjvp
def _power_jvp(shift, primals, tangents):  # type: ignore[no-untyped-def]
    (x, power), out = primals, _power(*primals, shift)
    u = _excess(x, shift)
    in_logits = power * out * (_rise(x, shift) * inverse(u))
    return out, in_logits * tangents[0] - out * finite(surprisal(u)) * tangents[1]
