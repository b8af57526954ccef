"""What of the cross-entropy is the labels' own, and what is the model's.

    entropy      H(y) = -y log y - (1 - y) log(1 - y)         the least loss that a label allows
    divergence   KL(y, x) = l(x, y) - H(y) >= 0               0 where sigmoid(x) = y

The difference loses all digits near the minimum.  With g = sigmoid(x) - y, the loss's gradient,
and phi(t) = t - log(1 + t) >= 0,

    KL = y phi(g / y) + (1 - y) phi(-g / (1 - y))

for the linear terms cancel exactly: a sum of two numbers >= 0, as good as g is.  All is done in
pairs of floats (bcejax.numerics.pairs) and rounded once.  phi is taken from its series

    phi(t) = s t - 2 (s^3 / 3 + s^5 / 5 + ...),   s = t / (2 + t)

where a probability is between 0.4 and 3 times what it is compared with, and beyond from
log(1 + t) = log s(x) - log y.

Source: T. Cover and J. Thomas, Elements of Information Theory, 2nd ed. (2006), chapter 2.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_floats
from bcejax.losses.from_logits import bce_gradient
from bcejax.losses.highest import twofold_gradient
from bcejax.losses.programs import Given, elementwise, evaluate
from bcejax.numerics import (
    Pair,
    artanh_rest,
    finite,
    log_odds,
    over,
    plus,
    quick_sum,
    times,
    twofold_log,
    twofold_log1p_exp,
    within,
)

_SERIES_TERMS = {"float32": 14, "float64": 30}  # of phi, s^2 <= 1/4


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
        1 ulp (tests/losses/test_divergence.py).

    Example:
        >>> bernoulli_entropy(jnp.array([0.0, 0.5]))
        Array([0.       , 0.6931472], dtype=float32)
    """
    return evaluate(_entropy, Given(check_floats(labels, "labels")))


def bernoulli_kl(logits: ArrayLike, labels: ArrayLike) -> jax.Array:
    """Divergence of each logit from its label: the loss less the label's entropy, in nats.

        KL(y, x) = y log(y / s(x)) + (1 - y) log((1 - y) / s(-x))

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.

    Returns:
        Numbers >= 0 of that shape, float32 or wider: 0 where sigmoid(x) = y, and for labels 0
        and 1 the loss itself.  The gradient in the logits is ``bce_gradient``, faithfully rounded.

    Raises:
        TypeError: logits are not floats, or labels not real numbers.
        ValueError: shapes differ.

    Accuracy:
        2 ulp for labels 0 and above 1e-18 (1e-150 in float64), to which comes, near the
        minimum, r (2 + r), where r is the share of the gradient that 2^-44 of sigmoid(x) is
        (2^-96 in float64; tests/losses/test_divergence.py).

    Example:
        >>> bernoulli_kl(jnp.array([0.0, 0.001]), jnp.array([0.5, 0.5]))
        Array([0.00e+00, 1.25e-07], dtype=float32)
    """
    return evaluate(_kl, elementwise(logits, labels, name="logits"))


def _entropy(y: jax.Array) -> jax.Array:
    return _inner_entropy(within(y, 0.0, 1.0))


@jax.custom_jvp
def _inner_entropy(y: jax.Array) -> jax.Array:
    return plus(*map(_own_surprisal, _shares(y))).high


_inner_entropy.defjvps(lambda dot, out, y: -dot * finite(log_odds(y)))


@jax.custom_jvp
def _kl(x: jax.Array, y: jax.Array) -> jax.Array:
    gap = twofold_gradient(x, y, None)
    minus = Pair(-gap.high, -gap.low)
    likely = twofold_log1p_exp(jnp.abs(x)).pair()
    unlikely = plus(Pair(jnp.abs(x), jnp.zeros_like(x)), likely)
    ones, zeros = (
        Pair(*(jnp.where(side, *parts) for parts in zip(likely, unlikely, strict=True)))
        for side in (x > 0, x <= 0)
    )
    share_of_ones, share_of_zeros = _shares(y)
    total = plus(_excess(gap, ones, share_of_ones), _excess(minus, zeros, share_of_zeros))
    wrong = jnp.isinf(x) & (jnp.where(x > 0, 1 - y, y) > 0)
    return jnp.where(wrong, jnp.inf, total.high)


@_kl.defjvp
def _kl_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals
    in_logits = bce_gradient(x, y, accuracy="highest")
    in_labels = finite(finite(log_odds(y)) - finite(x))
    return _kl(x, y), in_logits * tangents[0] + in_labels * tangents[1]


def _shares(y: jax.Array) -> tuple[Pair, Pair]:
    """y and 1 - y, of which nothing is lost."""
    return Pair(y, jnp.zeros_like(y)), quick_sum(jnp.ones_like(y), -y)


def _own_surprisal(share: Pair) -> Pair:
    """-share log share."""
    # lifted, so that no half of a product is subnormal
    lift = jnp.where(share.high < 1e-9, jnp.full_like(share.high, 2.0**32), 1)
    size = times(Pair(share.high * lift, share.low * lift), twofold_log(share))
    return Pair(-size.high / lift, -size.low / lift)


def _excess(gap: Pair, surprisal: Pair, share: Pair) -> Pair:
    """share phi(gap / share), where gap = prob - share and surprisal = -log prob.

    A share of 0 leaves the gap.
    """
    t = over(gap, share)
    far = plus(t, plus(surprisal, twofold_log(share)))
    near = (t.high > -0.6) & (t.high < 2)
    phi = Pair(*(jnp.where(near, *parts) for parts in zip(_phi(t), far, strict=True)))
    excess = times(share, phi)
    return Pair(*(jnp.where(share.high > 0, *parts) for parts in zip(excess, gap, strict=True)))


def _phi(t: Pair) -> Pair:
    """t - log(1 + t) for -0.6 < t < 2."""
    two = Pair(jnp.full_like(t.high, 2), jnp.zeros_like(t.high))
    s = over(t, plus(two, t))
    rest = artanh_rest(s.high * s.high, _SERIES_TERMS[t.high.dtype.name])
    return plus(times(s, t), Pair(-2 * s.high * rest, jnp.zeros_like(rest)))
