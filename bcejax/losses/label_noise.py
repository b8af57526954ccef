"""Forward correction: the cross-entropy of labels that were flipped at known rates.

If a true 1 is recorded as 0 with probability f (``flip_positive``) and a true 0 as 1 with
probability g (``flip_negative``), a model of the true label predicts the recorded one with

    t = (1 - f) s(x) + g s(-x),      1 - t = f s(x) + (1 - g) s(-x)

two sums of positive terms, so that nothing cancels in either tail.  With

    R(x; a, b) = 1 / (a + b exp(-x)) = s(x) / (a s(x) + b s(-x)),      F = 1 - f - g

    loss         L = -y log t - (1 - y) log(1 - t) = w |X| + log1p(exp(-|X|)),  X = logit(t)
    gradient     F ((1 - y) s(x) R(-x; 1 - g, f) - y s(-x) R(x; 1 - f, g))
    hessian      derivative of R(x; a, b): R(x; a, b) b R(-x; b, a)
    in labels    -X
    in f         y R(x; 1 - f, g) - (1 - y) R(x; f, 1 - g)
    in g         (1 - y) R(-x; 1 - g, f) - y R(-x; g, 1 - f)

where w is the share of the recorded label that X leans away from.  The minimiser of the expected
loss is the one that true labels have; without noise each line is that of the cross-entropy.

Source: G. Patrini et al., Making deep neural networks robust to label noise: a loss correction
approach (2017).
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
    complement_surprisal,
    finite,
    log1p_exp,
    log1p_of_share,
    scaled_logistic,
    sigmoid,
    surprisal,
)


def forward_corrected_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    flip_positive: ArrayLike,
    flip_negative: ArrayLike,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Cross-entropy of recorded labels, for logits of the true ones.

        L(x, y) = -y log t - (1 - y) log(1 - t)
        t = (1 - flip_positive) s(x) + flip_negative s(-x)

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, as recorded; same shape; outside gives nan.
        flip_positive: P(recorded 0 | true 1), number >= 0.
        flip_negative: P(recorded 1 | true 0), number >= 0.  The sum of both is below 1, else the
            labels say the opposite or nothing.  Both 0 is the cross-entropy.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

        Both rates broadcast to the logits' shape.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision; bounded where
        both rates are positive.  Tangents flow to logits, labels and rates.

    Raises:
        TypeError: logits are not floats, labels or rates not real, or where not boolean.
        ValueError: shapes differ, or a rate is a number outside [0, 1], or two numbers do not
            leave their sum below 1; arrays that do not give nan.

    Accuracy:
        For rates whose complements are exact in the dtype or below 1/2, wherever the result is a
        normal number: value 6.5 ulp, gradient and second 7.5; of soft labels' derivatives,
        and where a derivative vanishes, in ulp of the largest term (tests/losses/test_family.py,
        test_label_noise.py, test_worst_points.py).

    Example:
        >>> x, y = jnp.array([0.0, -100.0]), jnp.array([1, 1])
        >>> forward_corrected_loss(x, y, flip_positive=0.25, flip_negative=0.125)
        Array([0.8266786, 2.0794415], dtype=float32)
        >>> forward_corrected_loss(x, y, flip_positive=0.0, flip_negative=0.0)
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    f = setting(flip_positive, "flip_positive", given.shape, high=1.0)
    g = setting(flip_negative, "flip_negative", given.shape, high=1.0)
    numbers = [each for each in (flip_positive, flip_negative) if isinstance(each, int | float)]
    if sum(numbers) >= 1:
        raise ValueError(f"flip_positive + flip_negative lies below 1, got {sum(numbers)}")
    return evaluate(_of_each, given, f, g)


def _of_each(x: jax.Array, y: jax.Array, f: jax.Array, g: jax.Array) -> jax.Array:
    gate = jnp.zeros_like(x)  # sharded as the scores are
    gate += jnp.where(f + g < 1, jnp.zeros_like(f), jnp.nan)
    return _loss(x, y, f + gate, g + gate)


@jax.custom_jvp
def _loss(x: jax.Array, y: jax.Array, f: jax.Array, g: jax.Array) -> jax.Array:
    size, away, near, lost, gained = _leaning(x, y, f, g)
    e = jnp.exp(-size)
    up, down = (1 - lost) + gained * e, lost + (1 - gained) * e
    odds = jnp.minimum(up, down) / jnp.maximum(up, down)
    size = jnp.abs(_noisy_logit(x, f, g))
    return absorb(jnp.where(up < down, near, away), size) + log1p_of_share(odds)


@partial(_loss.defjvp, symbolic_zeros=True)
def _loss_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y, f, g = primals
    partials = (
        lambda: _gradient(x, y, f, g),
        lambda: -finite(_noisy_logit(x, f, g)),
        lambda: y * scaled_logistic(x, 1 - f, g) - (1 - y) * scaled_logistic(x, f, 1 - g),
        lambda: (1 - y) * scaled_logistic(-x, 1 - g, f) - y * scaled_logistic(-x, g, 1 - f),
    )
    moving = [not isinstance(dot, SymbolicZero) for dot in tangents]
    parts = [d() * dot for d, dot, moves in zip(partials, tangents, moving, strict=True) if moves]
    return _loss(*primals), sum(parts, jnp.zeros_like(x))


def _leaning(x, y, f, g):  # type: ignore[no-untyped-def]
    """|x|, the shares of the label it leans away from and to, and their rates: of ``to``, ``from``.

    In these terms both signs of x are the same, to the last bit.
    """
    right = ~jnp.signbit(x)  # not x > 0, for -0.0 is the mirror image of 0.0
    pairs = (x, -x), (1 - y, y), (y, 1 - y), (f, g), (g, f)
    return tuple(jnp.where(right, *pair) for pair in pairs)


def _gradient(x: jax.Array, y: jax.Array, f: jax.Array, g: jax.Array) -> jax.Array:
    size, away, near, lost, gained = _leaning(x, y, f, g)
    kept = 1 - lost
    informative = (kept - gained) + ((1 - kept) - lost)
    from_away = away * sigmoid(size) * scaled_logistic(-size, 1 - gained, lost)
    slope = informative * (from_away - near * sigmoid(-size) * scaled_logistic(size, kept, gained))
    return jnp.where(jnp.signbit(x), -slope, slope)


@jax.custom_jvp
def _noisy_logit(x: jax.Array, f: jax.Array, g: jax.Array) -> jax.Array:
    """log t - log(1 - t), and x where there is no noise."""
    size, _, _, lost, gained = _leaning(x, x, f, g)
    down = _least(surprisal(lost), size + complement_surprisal(gained))
    up = _least(complement_surprisal(lost), size + surprisal(gained))
    return jnp.where(jnp.signbit(x), up - down, down - up)


@_noisy_logit.defjvp
def _noisy_logit_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, f, g = primals
    one, zero = scaled_logistic(x, 1 - f, g), scaled_logistic(-x, 1 - g, f)
    in_logits = (1 - f - g) * (sigmoid(-x) * one + sigmoid(x) * zero)
    in_f, in_g = one + scaled_logistic(x, f, 1 - g), zero + scaled_logistic(-x, g, 1 - f)
    rates = in_g * tangents[2] - in_f * tangents[1]
    return _noisy_logit(*primals), in_logits * tangents[0] + rates


def _least(one: jax.Array, other: jax.Array) -> jax.Array:
    """-log(exp(-one) + exp(-other))."""
    least = jnp.minimum(one, other)
    return least - log1p_exp(jnp.where(jnp.isinf(least), jnp.inf, jnp.abs(one - other)))
