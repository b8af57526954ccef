"""What many models say together: the mean of their probabilities, and how they differ.

Members i = 1 .. m give an example the logits x_i, hence the probabilities p_i = s(x_i).  Together
they are a mixture with probability and logit

    P = (1/m) sum p_i         X = log(P / (1 - P)) = log sum s(x_i) - log sum s(-x_i)

whose entropy is what each member leaves open, and what they disagree on: the mutual information
of label and member, which is 0 where all agree,

    H(P) = (1/m) sum H(p_i) + (1/m) sum KL(p_i, P)

X is not taken from P, which rounds to 1 from x = 17 on in float32, but from logarithms of sums;
where P is near 1/2 these cancel, and with T = |mean tanh(x_i / 2)| = |2 P - 1| it is

    X = +-log1p(2 T / (1 - T))

Entropies, divergences and spreads do not change when the labels swap their names, so they are
taken from probabilities of the label that the mixture, or the member, holds for the rarer one.

References:
    B. Lakshminarayanan, A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty
    estimation using deep ensembles (2017).
    S. Depeweg et al., Decomposition of uncertainty in Bayesian deep learning (2018).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses import bernoulli_entropy, bernoulli_kl
from bcejax.losses.arguments import as_floats
from bcejax.numerics import sigmoid, softplus, tanh_half


class Uncertainty(NamedTuple):
    """The entropy of a mixture and its two parts, in nats, one number per example.

    Attributes:
        total: entropy of the mean probability.
        expected: mean of the members' entropies; what more members do not settle.
        mutual_information: mean divergence of the members from the mixture; their disagreement.

    Example:
        >>> parts = decompose_entropy(jnp.array([[-jnp.inf, 0.0], [jnp.inf, 0.0]]))
        >>> parts.total, parts.mutual_information / parts.total
        (Array([0.6931472, 0.6931472], dtype=float32), Array([1., 0.], dtype=float32))
    """

    total: jax.Array
    expected: jax.Array
    mutual_information: jax.Array


@jax.jit
def mean_logits(logits: ArrayLike) -> jax.Array:
    """The logit of the mean probability; what calibration and losses take of an ensemble.

    Args:
        logits: floats (m, ...), one row per member; +-inf is a certain answer.

    Returns:
        X (...), in float32 or wider; +-inf only where every member is certain of one label.

    Raises:
        ValueError: there is no axis of members, or no member.
        TypeError: logits are not floats.

    Accuracy:
        8 eps max(|X|, t), where t is the mean of the |tanh(x_i / 2)| (tests/training/ensembles/
        test_averaging.py).

    Example:
        >>> mean_logits(jnp.array([[0.0, 90.0], [2.0, 100.0]])).round(4)
        Array([ 0.802 , 90.6931], dtype=float32)
    """
    x = _as_members(logits)
    tilt = tanh_half(x).mean(0)
    near = jnp.abs(tilt) < 0.5
    size = jnp.where(near, jnp.abs(tilt), 0)
    close = jnp.copysign(jnp.log1p(2 * size / (1 - size)), tilt)
    far = jax.nn.logsumexp(-softplus(-x), axis=0) - jax.nn.logsumexp(-softplus(x), axis=0)
    return jnp.where(near, close, far)


@jax.jit
def mean_probs(logits: ArrayLike) -> jax.Array:
    """The mean probability P of label 1.

    Args:
        logits: floats (m, ...), one row per member.

    Returns:
        P (...) in [0, 1].

    Raises:
        ValueError: there is no axis of members, or no member.
        TypeError: logits are not floats.

    Accuracy:
        (m + 2) ulp of P (tests/training/ensembles/test_averaging.py).  For the digits of 1 - P
        take the sigmoid of ``-mean_logits``.

    Example:
        >>> mean_probs(jnp.array([[0.0, -jnp.inf], [0.0, 0.0]]))
        Array([0.5 , 0.25], dtype=float32)
    """
    return sigmoid(_as_members(logits)).mean(0)


@jax.jit
def spread(logits: ArrayLike) -> jax.Array:
    """The standard deviation of the members' probabilities, sqrt((1/m) sum (p_i - P)^2).

    Args:
        logits: floats (m, ...), one row per member.

    Returns:
        Numbers (...) in [0, 1/2].

    Raises:
        ValueError: there is no axis of members, or no member.
        TypeError: logits are not floats.

    Accuracy:
        As ``numpy.std`` in float64 of the rarer label's probabilities, to (m + 4) eps of their
        root mean square (tests/training/ensembles/test_averaging.py).

    Example:
        >>> [f"{s:.4g}" for s in spread(jnp.array([[-jnp.inf, 30.0], [jnp.inf, 40.0]])).tolist()]
        ['0.5', '4.679e-14']
    """
    rarer = _rarer(_as_members(logits))
    largest = rarer.max(0)
    scale = jnp.where(largest == 0, 1, largest)  # or squares of small numbers would be 0
    return scale * (rarer / scale).std(0)


@jax.jit
def decompose_entropy(logits: ArrayLike) -> Uncertainty:
    """The entropy of the mixture, what each member leaves open, and what they disagree on.

        H(P) = (1/m) sum H(p_i) + (1/m) sum KL(p_i, P)

    Each part is computed by itself, so that a small disagreement is not the difference of two
    large entropies.

    Args:
        logits: floats (m, ...), one row per member.

    Returns:
        An ``Uncertainty``; ``total`` is the sum of the others to rounding.

    Raises:
        ValueError: there is no axis of members, or no member.
        TypeError: logits are not floats.

    Example:
        >>> parts = decompose_entropy(jnp.array([[-jnp.inf, 0.0], [jnp.inf, 0.0]]))
        >>> parts.expected, parts.mutual_information
        (Array([0.       , 0.6931472], dtype=float32), Array([0.6931472, 0.       ], dtype=float32))
    """
    x = _as_members(logits)
    doubt = sigmoid(-jnp.abs(x))
    against = jnp.where(x > 0, -1, 1) * mean_logits(x)
    return Uncertainty(
        bernoulli_entropy(_rarer(x).mean(0)),
        bernoulli_entropy(doubt).mean(0),
        bernoulli_kl(against, doubt).mean(0),
    )


def _as_members(logits: ArrayLike) -> jax.Array:
    array = as_floats(logits, "logits")
    if not array.ndim or not len(array):
        raise ValueError(f"logits must be (members, ...) with a member at least, got {array.shape}")
    return array


def _rarer(logits: jax.Array) -> jax.Array:
    """Each member's probability of the label that the mixture holds for the rarer one."""
    return sigmoid(jnp.where(mean_logits(logits) > 0, -logits, logits))
