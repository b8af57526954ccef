"""The poly-1 loss: cross-entropy with its first Taylor coefficient changed.

With the probability of the label, p = y s(x) + (1 - y) s(-x), the cross-entropy of a label 0 or 1
is -log p = (1 - p) + (1 - p)^2 / 2 + ...; epsilon is added to the first coefficient:

    loss         L = l(x, y) + epsilon m,      m = 1 - p = y s(-x) + (1 - y) s(x)
    gradient     dl/dx + epsilon (1 - 2 y) h(x)
    hessian      h(x) (1 - epsilon (1 - 2 y) T(x))
    in labels    -x - epsilon T(x)
    in epsilon   m

where l is the cross-entropy, h = s(x) s(-x) and T = tanh(x / 2).  The loss is linear in the label.

Source: Z. Leng et al., PolyLoss: a polynomial expansion perspective of classification loss
functions (2022).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.from_logits import bce_with_logits
from bcejax.losses.programs import elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.numerics import (
    bernoulli_variance,
    tanh_half,
    unlikely,
)


def poly1_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    epsilon: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Cross-entropy plus epsilon times the probability that the label was not given.

        L(x, y) = l(x, y) + epsilon (y s(-x) + (1 - y) s(x)),   l = bce_with_logits

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        epsilon: number >= -1, below which the loss would fall where it should rise; broadcasts to
            the logits' shape.  0 is the cross-entropy, bit for bit.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision.  Tangents flow to
        logits, labels and epsilon.

    Raises:
        TypeError: logits are not floats, labels or epsilon not real, or where not boolean.
        ValueError: shapes differ, or epsilon is a number below -1.

    Accuracy:
        For epsilon >= 0 and labels 0 and 1, wherever the result is a normal number: value and
        gradient 3 ulp; second derivative 4 ulp of its larger term from 1e-31 on (1e-292 in
        float64); for soft labels twice that (tests/losses/test_family.py).

    Example:
        >>> poly1_loss(jnp.array([0.0, -100.0]), jnp.array([1, 1]))
        Array([  1.1931472, 101.       ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    return evaluate(_poly1, given, setting(epsilon, "epsilon", given.shape, low=-1.0))


def _poly1(x: jax.Array, y: jax.Array, epsilon: jax.Array) -> jax.Array:
    return bce_with_logits(x, y) + epsilon * _miss(x, y)


@jax.custom_jvp
def _miss(x: jax.Array, y: jax.Array) -> jax.Array:
    """y s(-x) + (1 - y) s(x), in terms that do not know which label is called 1.

    w is the share of the label that x leans away from: a sum of y s(-x) and (1 - y) s(x), of
    which a compiler may round but one, would not be symmetric to the last bit.
    """
    w, q = jnp.where(x > 0, 1 - y, y), unlikely(x).prob
    return w * (1 - q) + (1 - w) * q


@_miss.defjvp
def _miss_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals
    in_logits = (1 - 2 * y) * bernoulli_variance(x)
    return _miss(x, y), in_logits * tangents[0] - tanh_half(x) * tangents[1]
