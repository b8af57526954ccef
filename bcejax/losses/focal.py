"""The focal loss: cross-entropy that easy examples weigh less in.

With the probability m = y s(-x) + (1 - y) s(x) of the other label, and the cross-entropy l(x, y),

    loss         L = a m^gamma l,            a = alpha y + (1 - alpha) (1 - y), or 1
    gradient     a m^gamma (gamma r l + l')
    in labels    -a (gamma T m^(gamma - 1) l + m^gamma x) + (2 alpha - 1) m^gamma l
    in gamma     L log m
    in alpha     (2 y - 1) m^gamma l

where l' is the gradient of l, T = tanh(x / 2) and r = m' / m (see bcejax.losses.miss, where m^gamma
keeps its digits and its derivatives of every order).  For y = 1 the gradient is

    -q^gamma (gamma p l + q),      q = s(-x) = 1 - p

two terms of one sign, for any gamma >= 0; l / m tends to 1 where both vanish.

Source: T. Lin et al., Focal loss for dense object detection (2017).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses import miss
from bcejax.losses.faithful import cross_entropy, split_cross_entropy
from bcejax.losses.from_logits import bce_gradient
from bcejax.losses.programs import elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.numerics import (
    absorb,
    finite,
    nearest,
    tanh_half,
)


def sigmoid_focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    gamma: ArrayLike = 2.0,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Focal loss of each logit, in nats: cross-entropy times (1 - probability of the label)^gamma.

        L(x, y) = a m^gamma l(x, y),   m = y s(-x) + (1 - y) s(x),   l = bce_with_logits

    Drop-in for ``optax.sigmoid_focal_loss``, right in the tails, in every derivative, in the
    label's derivatives at 0 and 1, and at +-inf, where they are finite.

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        alpha: number in [0, 1], the weight of label 1; label 0 weighs 1 - alpha.  None weighs
            both 1.  Broadcasts to the logits' shape.
        gamma: number >= 0; broadcasts to the logits' shape.  0 is the cross-entropy, bit for bit.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision.  Tangents flow to
        logits, labels, alpha and gamma.

    Raises:
        TypeError: logits are not floats, labels, alpha or gamma not real, or where not boolean.
        ValueError: shapes differ, or alpha or gamma is a number out of range.

    Accuracy:
        For gamma <= 5 and labels 0 and 1, wherever the result is a normal number: value and
        gradient 4 ulp in float32, 2.5 in float64 (tests/losses/test_focal.py).  Second derivative
        and derivative in the label 8 ulp of the largest term from 1e-31 on (1e-292 in float64),
        for soft labels value and gradient 20, the others 16 (tests/losses/test_family.py,
        test_worst_points.py).  Derivatives in the label take a logit beyond finfo.max / 1024 for
        that.

    Example:
        >>> sigmoid_focal_loss(jnp.array([0.0, 100.0, -100.0]), jnp.array([1, 1, 1]))
        Array([  0.1732868,   0.       , 100.       ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    power = setting(gamma, "gamma", given.shape)
    share = None if alpha is None else setting(alpha, "alpha", given.shape, high=1.0)
    return evaluate(_weighted, given, power, share)


def _weighted(x: jax.Array, y: jax.Array, gamma: jax.Array, alpha: jax.Array | None) -> jax.Array:
    losses = focal(x, y, gamma)
    return losses if alpha is None else _share_of(losses, alpha * y + (1 - alpha) * (1 - y))


@jax.custom_jvp
def _share_of(losses: jax.Array, share: jax.Array) -> jax.Array:
    return absorb(share, losses)


_share_of.defjvps(
    lambda dot, out, losses, share: dot * share,
    lambda dot, out, losses, share: dot * _held(losses),
)


@jax.custom_jvp
def focal(x: jax.Array, y: jax.Array, gamma: jax.Array) -> jax.Array:
    """m^gamma l(x, y), of arrays that are already right.

    Example:
        >>> focal(jnp.array(0.0), jnp.array(1.0), jnp.array(2.0))
        Array(0.1732868, dtype=float32)
    """
    return absorb(miss.power(x, y, gamma), cross_entropy(x, y))


@focal.defjvp
def _focal_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y, gamma = primals
    in_gamma = miss.power(x, y, gamma) * finite(_loss(x, y) * miss.logarithm(x, y))
    dot = _gradient(x, y, gamma) * tangents[0]
    dot += _in_labels(x, y, gamma) * tangents[1] + in_gamma * tangents[2]
    return focal(x, y, gamma), dot


def _loss(x: jax.Array, y: jax.Array) -> jax.Array:
    return cross_entropy(_held(x), y)


def _per_miss(x: jax.Array, y: jax.Array) -> jax.Array:
    return finite(_loss(x, y) * miss.inverse(x, y))


@jax.custom_jvp
def _in_labels(x: jax.Array, y: jax.Array, gamma: jax.Array) -> jax.Array:
    return -miss.power(x, y, gamma) * finite(gamma * tanh_half(x) * _per_miss(x, y) + _held(x))


@_in_labels.defjvp
def _in_labels_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    """With m^gamma / m as one power, which is a number where m^gamma has ended at 0."""
    x, y, gamma = primals
    slope, tilted = _in_labels(*primals), tanh_half(x) * _per_miss(x, y)
    twice = miss.power(x, y, gamma - 1) * ((gamma - 1) * tilted + 2 * _held(x))
    in_gamma = slope * miss.logarithm(x, y) - miss.power(x, y, gamma) * tilted
    # in the logit, as the gradient in the label
    dot = jax.jvp(lambda y: _gradient(x, y, gamma), (y,), tangents[:1])[1]
    dot += gamma * tanh_half(x) * finite(twice) * tangents[1] + finite(in_gamma) * tangents[2]
    return slope, dot


def _held(values: jax.Array) -> jax.Array:
    """The values, infinite ones so far below finfo.max that their sums and multiples are finite."""
    most = float(jnp.finfo(values.dtype).max) / 1024
    return nearest(values, -most, most)


@jax.custom_jvp
def _gradient(x: jax.Array, y: jax.Array, gamma: jax.Array) -> jax.Array:
    factor, loss, plain = gamma * miss.rate(x, y), split_cross_entropy(x, y), bce_gradient(x, y)
    (power, rest), focus = miss.split_power(x, y, gamma), factor * loss.high
    small = factor * loss.low + rest * (focus + plain)
    return power * (focus + (plain + small))


@_gradient.defjvp
def _gradient_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    def gradient(x, y, gamma):  # type: ignore[no-untyped-def]
        focus = gamma * miss.rate(x, y) * _loss(x, y)
        return miss.power(x, y, gamma) * (focus + bce_gradient(x, y))

    return _gradient(*primals), jax.jvp(gradient, primals, tangents)[1]
