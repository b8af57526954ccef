"""Generalised cross-entropy: between the cross-entropy and the mean absolute error.

The logarithm in -log p is replaced by that of Box and Cox, (p^q - 1) / q, which is bounded for
q > 0: a mislabelled example then costs at most 1 / q.  With

    M(l) = (1 - exp(-q l)) / q     l where q = 0      the integral of exp(-q t) from 0 to l
    V(x) = s(x)^q s(-x)

    loss         L = y M(softplus(-x)) + (1 - y) M(softplus(x)) = w S(|x|) + M(log1p(exp(-|x|)))
    gradient     (1 - y) V(-x) - y V(x)
    hessian      derivative of V: V(x) (q s(-x) - s(x))
    in labels    -S(x),   S(x) = (s(x)^q - s(-x)^q) / q = +-s(|x|)^q M(|x|)

where w is the share of the label that x leans away from.  On paper 1 - p^q cancels, and so does
the difference of two powers; M(|x|) keeps its digits, and at q = 0 each line is that of the
cross-entropy.  The loss is linear in the label.

Source: Z. Zhang and M. Sabuncu, Generalized cross entropy loss for training deep neural networks
with noisy labels (2018).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from bcejax.losses.programs import elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.numerics import (
    absorb,
    finite,
    log1p_exp,
    sigmoid,
    softplus,
)
from bcejax.numerics.powers import decay_moment, sigmoid_power


def generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    q: ArrayLike = 0.7,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Box-Cox loss of each logit, (1 - p^q) / q, where p is the probability of the label.

        L(x, y) = y (1 - s(x)^q) / q + (1 - y) (1 - s(-x)^q) / q

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        q: number in [0, 1], broadcasts to the logits' shape: 0 is the cross-entropy, 1 the mean
            absolute error |y - s(x)| of labels 0 and 1.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses in [0, 1 / q] of the logits' shape and dtype, float32 for lower precision.
        Tangents flow to logits, labels and q.

    Raises:
        TypeError: logits are not floats, labels or q not real numbers, or where not boolean.
        ValueError: shapes differ, or q is a number outside [0, 1].

    Accuracy:
        Wherever the result is a normal number: value 6.5 ulp, gradient and second derivative 6; of
        soft labels' derivatives, and where the second derivative vanishes, in ulp of the largest
        term (tests/losses/test_family.py, test_box_cox.py, test_worst_points.py).  First and
        second derivative in q 8e-6 relative.

    Example:
        >>> generalized_cross_entropy(jnp.array([0.0, -100.0]), jnp.array([1, 1]))
        Array([0.5491826, 1.4285715], dtype=float32)
        >>> generalized_cross_entropy(-100.0, 1, q=0.0)
        Array(100., dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    return evaluate(_of_each, given, setting(q, "q", given.shape, high=1.0))


def _of_each(x: jax.Array, y: jax.Array, q: jax.Array) -> jax.Array:
    return _loss(x, y, jnp.broadcast_to(q, x.shape))


@jax.custom_jvp
def _loss(x: jax.Array, y: jax.Array, q: jax.Array) -> jax.Array:
    away = jnp.where(x > 0, 1 - y, y)
    return absorb(away, jnp.abs(_gap(x, q))) + decay_moment(0, log1p_exp(jnp.abs(x)), q)


@partial(_loss.defjvp, symbolic_zeros=True)
def _loss_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y, q = primals
    partials = (
        lambda: _gradient(x, y, q),
        lambda: -finite(_gap(x, q)),
        lambda: -_mixture(y, *(finite(decay_moment(1, softplus(v), q)) for v in (-x, x))),
    )
    moving = [not isinstance(dot, SymbolicZero) for dot in tangents]
    parts = [f() * dot for f, dot, moves in zip(partials, tangents, moving, strict=True) if moves]
    return _loss(x, y, q), sum(parts, jnp.zeros_like(x))


def _mixture(y: jax.Array, ones: jax.Array, zeros: jax.Array) -> jax.Array:
    return y * ones + (1 - y) * zeros


def _gradient(x: jax.Array, y: jax.Array, q: jax.Array) -> jax.Array:
    """Of both signs of x in the same terms, so that it is symmetric to the last bit."""
    right = ~jnp.signbit(x)  # not x > 0, for -0.0 is the mirror image of 0.0
    size, away, near = (jnp.where(right, *each) for each in ((x, -x), (1 - y, y), (y, 1 - y)))
    slope = away * _slope(-size, q) - near * _slope(size, q)
    return jnp.where(right, slope, -slope)


def _slope(x: jax.Array, q: jax.Array) -> jax.Array:
    return sigmoid_power(x, q) * sigmoid(-x)


@jax.custom_jvp
def _gap(x: jax.Array, q: jax.Array) -> jax.Array:
    """What label 0 costs more than label 1."""
    size = jnp.abs(x)
    gap = sigmoid_power(size, q) * decay_moment(0, size, q)
    return jnp.where(x > 0, gap, -gap)


@_gap.defjvp
def _gap_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, q = primals
    ones, zeros = (finite(decay_moment(1, softplus(v), q)) for v in (-x, x))
    in_logits = _slope(x, q) + _slope(-x, q)
    return _gap(x, q), in_logits * tangents[0] + (ones - zeros) * tangents[1]
