"""Symmetric cross-entropy: the cross-entropy, and the one with label and answer exchanged.

The reverse cross-entropy asks what the label says of the answer, -s(x) log y - s(-x) log(1 - y).
A hard label says log 0, which is read as a finite number A < 0 (``log_zero``), and so is any
logarithm below it.  With the capped surprisal C(y) = min(-log y, -A), and C' its derivative,

    loss         L = alpha l(x, y) + beta r,      r = C(y) s(x) + C(1 - y) s(-x)
    gradient     alpha dl/dx + beta K h(x),       K = C(y) - C(1 - y), which is -logit(y) uncapped
    hessian      h(x) (alpha - beta K T(x))
    in labels    -alpha x + beta (C'(y) s(x) - C'(1 - y) s(-x))

where l is the cross-entropy, h = s(x) s(-x) and T = tanh(x / 2).  For a label 1 the reverse part
is -A s(-x): the mean absolute error, -A times, which no symmetric noise of labels moves.

Source: Y. Wang et al., Symmetric cross entropy for robust learning with noisy labels (2019).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.from_logits import bce_with_logits
from bcejax.losses.programs import elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.numerics import (
    absorb,
    bernoulli_variance,
    complement_surprisal,
    inverse,
    log_odds,
    sigmoid,
    surprisal,
    unlikely,
)


def symmetric_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: ArrayLike = 0.1,
    beta: ArrayLike = 1.0,
    log_zero: ArrayLike = -4.0,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Cross-entropy and reverse cross-entropy of each logit, weighted.

        L(x, y) = alpha l(x, y) + beta r(x, y),   l = bce_with_logits
        r(x, y) = -s(x) max(log y, A) - s(-x) max(log(1 - y), A),   A = log_zero

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        alpha: number >= 0, weight of the cross-entropy; beta = 0 and alpha = 1 give it bit for
            bit.  The paper takes 0.1 and 6.
        beta: number >= 0, weight of the reverse one.  The paper takes 1 and 0.1.
        log_zero: number <= 0, what stands for log 0; the paper's A.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

        alpha, beta and log_zero broadcast to the logits' shape.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision.  Tangents flow to
        logits, labels, alpha, beta and log_zero.

    Raises:
        TypeError: logits are not floats, another argument not real, or where not boolean.
        ValueError: shapes differ, or a number lies out of its range.

    Accuracy:
        Wherever the result and both parts, weighted or not, are normal: value and gradient 4 ulp,
        second derivative 6; of soft labels' derivatives, and where the second derivative
        vanishes, in ulp of the largest term (tests/losses/test_family.py, test_symmetric.py).

    Example:
        >>> symmetric_cross_entropy(jnp.array([0.0, -100.0]), jnp.array([1, 1]))
        Array([ 2.0693147, 14.       ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    parts = (setting(*each, given.shape) for each in ((alpha, "alpha"), (beta, "beta")))
    least = setting(log_zero, "log_zero", given.shape, low=-jnp.inf, high=0.0)
    return evaluate(_both, given, *parts, least)


def _both(
    x: jax.Array, y: jax.Array, alpha: jax.Array, beta: jax.Array, log_zero: jax.Array
) -> jax.Array:
    cap = -log_zero
    ones, zeros = _capped(y, 1 - y, cap), _capped(1 - y, y, cap)
    evidence = jnp.where((ones < cap) & (zeros < cap), -log_odds(y), ones - zeros)
    return absorb(alpha, bce_with_logits(x, y)) + beta * _reverse(x, ones, zeros, evidence)


@jax.custom_jvp
def _reverse(x: jax.Array, ones: jax.Array, zeros: jax.Array, evidence: jax.Array) -> jax.Array:
    """ones s(x) + zeros s(-x), where evidence is ones - zeros with its digits.

    Both signs of x are added in the same terms, so that it is symmetric to the last bit.
    """
    right, q = x > 0, unlikely(x).prob
    return jnp.where(right, ones, zeros) * (1 - q) + jnp.where(right, zeros, ones) * q


@_reverse.defjvp
def _reverse_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, evidence = primals[0], primals[3]
    in_labels = sigmoid(x) * tangents[1] + sigmoid(-x) * tangents[2]
    return _reverse(*primals), evidence * bernoulli_variance(x) * tangents[0] + in_labels


@jax.custom_jvp
def _capped(prob: jax.Array, rest: jax.Array, cap: jax.Array) -> jax.Array:
    """The lesser of -log(prob) and the cap, where rest = 1 - prob has the digits of a small one."""
    likely = rest < 0.25
    return jnp.minimum(jnp.where(likely, complement_surprisal(rest), surprisal(prob)), cap)


@_capped.defjvp
def _capped_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    prob, _, cap = primals
    capped = _capped(*primals)
    free = capped < cap
    in_prob = jnp.where(free, -inverse(jnp.where(free, prob, 1)), 0)
    return capped, in_prob * tangents[0] + jnp.where(free, 0, 1) * tangents[2]
