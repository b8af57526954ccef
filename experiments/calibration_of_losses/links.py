"""The losses, and the inverse link of each on paper: from a logit x to the true probability.

With p = s(x) and q = s(-x). What stands for each loss is its Link.inverse, to be held against

    g(x) = l'(x, 0) / (l'(x, 0) - l'(x, 1))

of which the derivatives are taken by JAX.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses import (
    adjust_logits,
    asymmetric_loss,
    bce_with_logits,
    bi_tempered_loss,
    generalized_cross_entropy,
    logit_adjusted_loss,
    poly1_loss,
    probs_under_pos_weight,
    sigmoid_focal_loss,
    symmetric_cross_entropy,
)
from bcejax.numerics import sigmoid, softplus

Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
Map: TypeAlias = Callable[[jax.Array], jax.Array]


class Link(NamedTuple):
    """A loss and what its minimiser says of the truth, as expected before any run."""

    loss: Loss  # elementwise, (logits, labels) -> losses; labels are 0 or 1
    inverse: (
        Map | None
    )  # logits -> true probabilities; None where the minimiser tells the side alone
    proper: bool = False  # the sigmoid of the minimiser is the truth
    sided: bool = True  # it lies on the truth's side of 1/2


def brier(x: jax.Array, y: jax.Array) -> jax.Array:
    """Squared distance of the sigmoid from the label."""
    return (y * sigmoid(-x) + (1 - y) * sigmoid(x)) ** 2  # labels are 0 or 1


def margin(x: jax.Array, y: jax.Array) -> jax.Array:
    """How far the logit lies on the label's side."""
    return (2 * y - 1) * x


def hinge(x: jax.Array, y: jax.Array) -> jax.Array:
    """The support vector machine's loss."""
    return jnp.maximum(1 - margin(x, y), 0)


def exponential(x: jax.Array, y: jax.Array) -> jax.Array:
    """AdaBoost's loss."""
    return jnp.exp(-margin(x, y))


def of_slopes(one: ArrayLike, zero: jax.Array) -> jax.Array:
    """zero / (zero + one): where falling slopes of label 1 and rising ones of label 0 are even."""
    return zero / (zero + one)


def undo_focal(x: jax.Array, gamma: float) -> jax.Array:
    """The truth at which the focal loss is least at x."""

    def slope(x: jax.Array) -> jax.Array:  # of label 1, falling
        return sigmoid(-x) ** gamma * (gamma * sigmoid(x) * softplus(-x) + sigmoid(-x))

    return of_slopes(slope(x), slope(-x))


def undo_poly(x: jax.Array, epsilon: float) -> jax.Array:
    """Likewise of poly-1: p (1 + e q) / (1 + 2 e p q)."""
    p, q = sigmoid(x), sigmoid(-x)
    return of_slopes(q * (1 + epsilon * p), p * (1 + epsilon * q))


def undo_asymmetric(x: jax.Array, gamma: float, shift: float) -> jax.Array:
    """Likewise of the asymmetric loss without a gamma for label 1; q cancels."""
    u = jnp.maximum(sigmoid(x) - shift, 0)
    return of_slopes(1, sigmoid(x) * u ** (gamma - 1) * (u / (1 - u) - gamma * jnp.log1p(-u)))


def tempered_sigmoid(x: jax.Array, t: float) -> jax.Array:
    """The p of log_t(p) - log_t(1 - p) = x, by bisection of its logit."""

    def power(p: jax.Array) -> jax.Array:
        return (p ** (1 - t) - 1) / (1 - t)

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = ends
        middle = (low + high) / 2
        below = power(sigmoid(middle)) - power(sigmoid(-middle)) < x
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    far = jnp.abs(x)  # a tempered sigmoid is nearer to 1/2 than a sigmoid
    return sigmoid(jax.lax.fori_loop(0, 60, halve, (-far, far))[0])


def smoothed(x: jax.Array, y: jax.Array, smoothing: float) -> jax.Array:
    """The cross-entropy of smoothed labels."""
    return bce_with_logits(x, y, label_smoothing=smoothing)


def undo_smoothing(x: jax.Array, smoothing: float) -> jax.Array:
    """(p - s / 2) / (1 - s), held in [0, 1]."""
    return jnp.clip((sigmoid(x) - smoothing / 2) / (1 - smoothing), 0, 1)


GAMMA, EPSILON, SMOOTHING, WEIGHT, PRIOR, Q = 2.0, 1.0, 0.2, 4.0, 0.1, 0.7
LINKS: dict[str, Link] = {
    "cross-entropy": Link(bce_with_logits, sigmoid, proper=True),
    "Brier": Link(brier, sigmoid, proper=True),
    "focal": Link(partial(sigmoid_focal_loss, gamma=GAMMA), partial(undo_focal, gamma=GAMMA)),
    "poly-1": Link(partial(poly1_loss, epsilon=EPSILON), partial(undo_poly, epsilon=EPSILON)),
    "label smoothing": Link(
        partial(smoothed, smoothing=SMOOTHING), partial(undo_smoothing, smoothing=SMOOTHING)
    ),
    "pos_weight": Link(
        partial(bce_with_logits, pos_weight=WEIGHT),
        partial(probs_under_pos_weight, pos_weight=WEIGHT),
        sided=False,
    ),
    "logit-adjusted": Link(
        partial(logit_adjusted_loss, prior=PRIOR),
        lambda x: sigmoid(adjust_logits(x, prior_from=0.5, prior_to=PRIOR)),
        sided=False,
    ),
    "generalised CE": Link(partial(generalized_cross_entropy, q=Q), lambda x: sigmoid((1 - Q) * x)),
    "symmetric CE": Link(  # poly-1 with epsilon = -beta log_zero / alpha
        symmetric_cross_entropy, partial(undo_poly, epsilon=40.0)
    ),
    "asymmetric": Link(
        asymmetric_loss, partial(undo_asymmetric, gamma=4.0, shift=0.05), sided=False
    ),
    "bi-tempered": Link(bi_tempered_loss, partial(tempered_sigmoid, t=1.3)),
    "exponential": Link(exponential, lambda x: sigmoid(2 * x)),
    "squared hinge": Link(lambda x, y: hinge(x, y) ** 2, lambda x: jnp.clip((x + 1) / 2, 0, 1)),
    "hinge": Link(hinge, None),
    "absolute error": Link(partial(generalized_cross_entropy, q=1.0), None),
}
