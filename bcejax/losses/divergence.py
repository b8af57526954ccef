"""What of the cross-entropy is the labels' own, and what is the model's.

    entropy      H(y) = -y log y - (1 - y) log(1 - y)         the least loss that a label allows
    divergence   KL(y, x) = l(x, y) - H(y) >= 0               0 where sigmoid(x) = y

The difference loses all digits near the minimum.  With g = sigmoid(x) - y, the loss's gradient,
and phi(t) = t - log(1 + t) >= 0,

    KL = y phi(g / y) + (1 - y) phi(-g / (1 - y))

for the linear terms cancel exactly: a sum of two numbers >= 0, as good as g is.  phi is taken from
its series s t - 2 (s^3 / 3 + s^5 / 5 + ...), s = t / (2 + t), near 0, and where a probability is
less than half of what it is compared with, from the logarithm of their ratio.

Source: T. Cover and J. Thomas, Elements of Information Theory, 2nd ed. (2006), chapter 2.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import as_floats, elementwise
from bcejax.losses.from_logits import bce_gradient
from bcejax.numerics import (
    absorb,
    complement_surprisal,
    finite,
    log_odds,
    sigmoid,
    softplus,
    surprisal,
    within,
)

_SERIES_TERMS = 18  # of phi, |s| <= 1/3: the next is below 2^-60 of the sum


def bernoulli_entropy(labels: ArrayLike) -> jax.Array:
    """Entropy of a coin that shows 1 with the given probability, in nats.

        H(y) = -y log y - (1 - y) log(1 - y)

    Args:
        labels: floats in [0, 1] of any shape; outside gives nan.

    Returns:
        Numbers in [0, log 2] of that shape, float32 or wider; 0 at 0 and 1, where the
        derivative, infinite, comes out as +-finfo.max.

    Raises:
        TypeError: labels are not floats.

    Accuracy:
        4 ulp (tests/losses/test_divergence.py).

    Example:
        >>> bernoulli_entropy(jnp.array([0.0, 0.5]))
        Array([0.       , 0.6931472], dtype=float32)
    """
    return _entropy(within(as_floats(labels, "labels"), 0.0, 1.0))


def bernoulli_kl(logits: ArrayLike, labels: ArrayLike) -> jax.Array:
    """Divergence of each logit from its label: the loss less the label's entropy, in nats.

        KL(y, x) = y log(y / s(x)) + (1 - y) log((1 - y) / s(-x))

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.

    Returns:
        Numbers >= 0 of that shape, float32 or wider: 0 where sigmoid(x) = y, and for labels 0
        and 1 the loss itself.  The gradient in the logits is ``bce_gradient``.

    Raises:
        TypeError: logits are not floats, or labels not real numbers.
        ValueError: shapes differ.

    Accuracy:
        16 ulp for labels 0 and above 1e-18 (1e-153 in float64), to which comes, near the
        minimum, r (2 + r), where r is the relative error of ``bce_gradient``
        (tests/losses/test_divergence.py).

    Example:
        >>> bernoulli_kl(jnp.array([0.0, 0.001]), jnp.array([0.5, 0.5]))
        Array([0.00e+00, 1.25e-07], dtype=float32)
    """
    arguments = elementwise(logits, labels, name="logits")
    return _kl(arguments.scores, arguments.labels)


@jax.custom_jvp
def _entropy(y: jax.Array) -> jax.Array:
    return absorb(y, surprisal(y)) + absorb(1 - y, complement_surprisal(y))


_entropy.defjvps(lambda dot, out, y: -dot * finite(log_odds(y)))


@jax.custom_jvp
def _kl(x: jax.Array, y: jax.Array) -> jax.Array:
    gap = bce_gradient(x, y)
    ones = _excess(gap, sigmoid(x), softplus(-x), y, surprisal(y))
    zeros = _excess(-gap, sigmoid(-x), softplus(x), 1 - y, complement_surprisal(y))
    return ones + zeros


@_kl.defjvp
def _kl_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals
    in_labels = finite(finite(log_odds(y)) - finite(x))
    return _kl(x, y), bce_gradient(x, y) * tangents[0] + in_labels * tangents[1]


def _excess(
    gap: jax.Array, prob: jax.Array, prob_surprisal: jax.Array, share: jax.Array, own: jax.Array
) -> jax.Array:
    """share phi(gap / share), where gap = prob - share; 0 share leaves the gap.

    ``prob_surprisal`` and ``own`` are -log of prob and of share.
    """
    present = share > 0
    share_safe = jnp.where(present, share, 1)
    ratio = prob / share_safe
    t = gap / share_safe
    faint = ratio < jnp.sqrt(jnp.finfo(ratio.dtype).tiny)  # its logarithm may be flushed away
    logarithm = jnp.where(faint, own - prob_surprisal, jnp.log(jnp.where(faint, 1, ratio)))
    far = t - jnp.where(t < 0, logarithm, jnp.log1p(jnp.maximum(t, 0)))
    phi = jnp.where((t > -0.5) & (t < 0.3), _phi_series(t), far)
    return jnp.where(present, share * phi, jnp.where(share == 0, gap, share))


def _phi_series(t: jax.Array) -> jax.Array:
    s = t / (2 + t)
    square = s * s
    series = jnp.full_like(t, 1 / (2 * _SERIES_TERMS + 1))
    for n in range(_SERIES_TERMS - 1, 0, -1):
        series = series * square + 1 / (2 * n + 1)
    return s * (t - 2 * square * series)
