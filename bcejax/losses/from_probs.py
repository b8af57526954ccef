"""Binary cross-entropy on probabilities and on their logarithms.

For a probability p of label 1 and its label y in [0, 1],

    loss        -y log p - (1 - y) log(1 - p)         0 log 0 = 0
    in p        (1 - y) / (1 - p) - y / p
    in log p    (1 - y) p / (1 - p) - y
    in labels   log(1 - p) - log p

A probability near 1 has already lost what a logit still holds: sigmoid(17) is 1 in float32.  Use
``bce_with_logits`` where logits are at hand.

Where a derivative is infinite (p = 0, y = 1), or one of its terms overflows, it is held at
-+finfo.max, so that a zero tangent stays zero.

Source: I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), section 3.13.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.programs import elementwise, evaluate
from bcejax.numerics import (
    absorb,
    complement_from_log,
    complement_surprisal,
    finite,
    inverse,
    log_odds,
    odds_from_log,
    surprisal,
    within,
)


def bce_with_probs(
    probs: ArrayLike,
    labels: ArrayLike,
    *,
    where: ArrayLike | None = None,
    clip: float | None = None,
) -> jax.Array:
    """Binary cross-entropy of each probability, in nats.

        l(p, y) = -y log p - (1 - y) log(1 - p)

    Args:
        probs: floats in [0, 1] of any shape; 0 and 1 are certain answers.  One outside by more
            than 4 eps gives nan.
        labels: numbers in [0, 1] or booleans, same shape.
        where: booleans, broadcast to that shape; False gives loss 0 and gradient 0.
        clip: move probabilities into [clip, 1 - clip] first, in (0, 1/2); 1e-7 is what Keras
            does.  The gradient is 0 where it acts, and whole at its very edges, where Keras on
            JAX halves it.  None is exact.

    Returns:
        Losses >= 0 of that shape and dtype, float32 for lower precision; inf where a certain
        answer is wrong, 0 where it is right.

    Raises:
        TypeError: probs are not floats, labels not real numbers, or where not boolean.
        ValueError: shapes differ, or clip lies outside (0, 1/2).

    Accuracy:
        Value 4 ulp for hard and soft labels; gradient 2 ulp for labels 0 and 1, and for soft
        ones 3 ulp of the larger of its two terms; second derivative 5 ulp
        (tests/losses/test_from_probs.py).

    Example:
        >>> bce_with_probs(jnp.array([0.9, 0.2, 0.8, 0.4]), jnp.array([1, 0, 1, 0])).mean()
        Array(0.2656183, dtype=float32)
        >>> jax.grad(bce_with_probs)(1.0, 1)
        Array(-1., dtype=float32, weak_type=True)
    """
    if clip is not None and not 0 < clip < 0.5:
        raise ValueError(f"clip lies in (0, 1/2), got {clip}")
    given = elementwise(probs, labels, name="probs", where=where)
    return evaluate(_of_probs, given, clip=None if clip is None else float(clip))


def bce_with_log_probs(
    log_probs: ArrayLike, labels: ArrayLike, *, where: ArrayLike | None = None
) -> jax.Array:
    """Binary cross-entropy of each logarithm of a probability, in nats.

        l(log p, y) = -y log p - (1 - y) log(1 - exp(log p))

    Args:
        log_probs: floats <= 0 of any shape; -inf is a certain 0.  One above 0 by more than 4 eps
            gives nan.
        labels: numbers in [0, 1] or booleans, same shape.
        where: booleans, broadcast to that shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of that shape and dtype, float32 for lower precision.

    Raises:
        TypeError: log_probs are not floats, labels not real numbers, or where not boolean.
        ValueError: shapes differ.

    Accuracy:
        Value 5 ulp for hard and soft labels; gradient 6 ulp for labels 0 and 1, and for soft
        ones 7 ulp of the larger of its two terms; second derivative 13 ulp: XLA's expm1 is
        itself 5 ulp off in float32 (tests/losses/test_from_probs.py).

    Example:
        >>> bce_with_log_probs(jnp.array([-1e-6, -jnp.inf]), jnp.array([1, 0]))
        Array([1.e-06, 0.e+00], dtype=float32)
    """
    return evaluate(_of_logs, elementwise(log_probs, labels, name="log_probs", where=where))


def _of_probs(p: jax.Array, y: jax.Array, clip: float | None) -> jax.Array:
    p = within(p, 0.0, 1.0)
    if clip is not None:
        # not jnp.clip, whose derivative is 1/2 at the edge: sigmoid(16) is 1 - 1e-7 in float32
        p = jnp.where(p < clip, clip, jnp.where(p > 1 - clip, 1 - clip, p))
    return _bce(p, y)


def _of_logs(log_p: jax.Array, y: jax.Array) -> jax.Array:
    return _bce_from_log(within(log_p, -jnp.inf, 0.0), y)


@jax.custom_jvp
def _bce(p: jax.Array, y: jax.Array) -> jax.Array:
    return absorb(y, surprisal(p)) + absorb(1 - y, complement_surprisal(p))


@_bce.defjvp
def _bce_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    p, y = primals
    in_probs = (1 - y) * inverse(1 - p) - y * inverse(p)
    return _bce(p, y), in_probs * tangents[0] - finite(log_odds(p)) * tangents[1]


@jax.custom_jvp
def _bce_from_log(log_p: jax.Array, y: jax.Array) -> jax.Array:
    return absorb(y, -log_p) + absorb(1 - y, complement_from_log(log_p))


@_bce_from_log.defjvp
def _bce_from_log_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    log_p, y = primals
    in_log = (1 - y) * odds_from_log(log_p) - y
    in_labels = finite(-log_p - complement_from_log(log_p))
    return _bce_from_log(log_p, y), in_log * tangents[0] + in_labels * tangents[1]
