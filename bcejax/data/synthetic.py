"""Draws whose true probabilities are known, to hold estimates against.

Inputs x (d,) are independent standard normal numbers. With a true logit t(x)

    p(x) = P(y = 1 | x) = sigmoid(t(x)),      y ~ Bernoulli(p(x))

and every draw returns p and t beside the data. What is known of each:

    draw_logistic     t = a.x + b. The model is right: the best logistic regression is (a, b).
    draw_interaction  t = s x_1 x_2. p(-x) = p(x) and E p = 1/2, so E (p - 1/2) x = 0: the best
                      linear logit is 0 everywhere, its loss log 2, while the truth's is lower.
    draw_rare         t = a.x + b, with b such that E p equals a given rate.
    draw_noisy        t = a.x + b, then labels flip: 1 to 0 with probability r, 0 to 1 with q:
                      P(observed = 1 | x) = (1 - r) p + q (1 - p).
    draw_separable    p = 1 where a.x > 0 and 0 elsewhere, no point nearer to that border than
                      the margin. The loss of a linear model has infimum 0 and no minimum.

The same key gives the same draw. Every function may stand under ``jit`` and ``vmap`` over keys.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.data.rates import intercept_for_rate
from bcejax.data.records import Array, Batch
from bcejax.data.sampling import Draw, draw_labels, finite, normal_inputs, uniform, vector
from bcejax.numerics import sigmoid, softplus
from bcejax.numerics.options import check_count

COEFFICIENTS = (2.0, -1.0, 0.5)  # of the truth, where the caller names none


class NoisyDraw(NamedTuple):
    """One set of inputs with the labels as observed and as they were before flips.

    Attributes:
        noisy: the labels as observed; its probs are (1 - r) p + q (1 - p).
        clean: the labels before flips; its probs are p.

    Example:
        >>> draw = draw_noisy(jax.random.key(0), 10_000, flip_negative=0.0)
        >>> kept = draw.noisy.probs / draw.clean.probs
        >>> f"{kept.min():.3f} to {kept.max():.3f}"
        '0.800 to 0.800'
    """

    noisy: Draw
    clean: Draw


def draw_logistic(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = COEFFICIENTS,
    *,
    intercept: float = 0.0,
) -> Draw:
    """Labels of a logistic regression: t = a.x + b, x standard normal.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: a (d,), concrete numbers.
        intercept: b.

    Raises:
        TypeError: n is no integer.
        ValueError: n < 1; the coefficients are not (d,) finite numbers with d >= 1, or the
            intercept is not finite.

    Example:
        >>> draw = draw_logistic(jax.random.key(0), 1000)
        >>> draw.batch.inputs.shape, draw.batch.labels.shape
        ((1000, 3), (1000,))
        >>> bool(abs(jnp.mean(draw.batch.labels - draw.probs)) < 0.05)
        True
    """
    inputs_key, labels_key = jax.random.split(key)
    a, b = vector("coefficients", coefficients), finite("intercept", intercept)
    inputs = normal_inputs(inputs_key, examples, len(a))
    return draw_labels(labels_key, inputs, _linear(inputs, a) + b)


def draw_interaction(
    key: jax.Array, examples: int, features: int = 2, *, strength: float = 3.0
) -> Draw:
    """Labels that depend on a product alone: t = s x_1 x_2, blind to every linear model.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        features: d >= 2; from the third on they are noise.
        strength: s.

    Raises:
        TypeError: n or d is no integer.
        ValueError: n < 1, d < 2, or the strength is not finite.

    Example:
        >>> draw = draw_interaction(jax.random.key(0), 1000, features=4)
        >>> x_1, x_2 = draw.batch.inputs[:, :2].T
        >>> bool(jnp.all((draw.probs > 0.5) == (x_1 * x_2 > 0)))
        True
    """
    check_count("features", features, least=2)
    inputs_key, labels_key = jax.random.split(key)
    inputs = normal_inputs(inputs_key, examples, features)
    return draw_labels(
        labels_key, inputs, finite("strength", strength) * inputs[:, 0] * inputs[:, 1]
    )


def draw_rare(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = COEFFICIENTS,
    *,
    rate: float = 0.01,
) -> Draw:
    """Labels of a logistic regression of which a given share is 1: E p = rate.

    The intercept is ``intercept_for_rate(coefficients, rate)``.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: a (d,), concrete numbers.
        rate: in (0, 1); of the population, from which a draw departs by chance.

    Raises:
        ValueError: the rate lies outside (0, 1), or as ``draw_logistic``.

    Example:
        >>> draw = draw_rare(jax.random.key(0), 100_000, rate=0.001)
        >>> 50 < float(draw.batch.labels.sum()) < 150
        True
    """
    intercept = intercept_for_rate(coefficients, rate)
    return draw_logistic(key, examples, coefficients, intercept=intercept)


def draw_noisy(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = COEFFICIENTS,
    *,
    intercept: float = 0.0,
    flip_positive: float = 0.2,
    flip_negative: float = 0.1,
) -> NoisyDraw:
    """Labels of a logistic regression, some of which were then written down wrongly.

    With r = ``flip_positive`` = P(observed 0 | clean 1) and q = ``flip_negative`` =
    P(observed 1 | clean 0), whatever x is,

        P(observed = 1 | x) = (1 - r) p(x) + q (1 - p(x)) = u(x)

    The logit of u comes out within 4 eps (1 + |log u| + |log(1 - u)|)
    (tests/data/test_synthetic.py).

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: a (d,), concrete numbers.
        intercept: b.
        flip_positive: r >= 0.
        flip_negative: q >= 0, with r + q < 1: else the labels would say nothing or the contrary.

    Raises:
        ValueError: the rates are negative or sum to 1 or more, or as ``draw_logistic``.

    Example:
        >>> noisy, clean = draw_noisy(jax.random.key(0), 10_000, flip_negative=0.0)
        >>> bool(jnp.any(noisy.batch.labels > clean.batch.labels))
        False
    """
    r, q = flip_positive, flip_negative
    if not (r >= 0 and q >= 0 and r + q < 1):
        raise ValueError(
            "flip_positive and flip_negative must be >= 0 with a sum below 1, "
            f"got {flip_positive} and {flip_negative}"
        )
    clean_key, flip_key = jax.random.split(key)
    clean = draw_logistic(clean_key, examples, coefficients, intercept=intercept)
    inputs, labels = clean.batch.inputs, clean.batch.labels
    flips = uniform(flip_key, labels.shape) < jnp.where(labels == 1, r, q)
    observed = Batch(inputs, jnp.where(flips, 1 - labels, labels))
    logits = _flipped_logits(clean.logits, r, q)
    return NoisyDraw(Draw(observed, sigmoid(logits), logits), clean)


def draw_separable(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = COEFFICIENTS,
    *,
    margin: float = 0.5,
) -> Draw:
    """Labels that a plane parts without error: y = 1 where a.x > 0, p in {0, 1}, t = +-inf.

    Standard normal points z are pushed off the plane a.x = 0, x = z + margin sign(a.z) a / |a|,
    so none lies nearer to it than the margin, but for rounding.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: a (d,), concrete numbers, not all 0.
        margin: >= 0.

    Raises:
        ValueError: all coefficients are 0, the margin is negative, or as ``draw_logistic``.

    Example:
        >>> draw = draw_separable(jax.random.key(0), 5, (1.0,), margin=1.0)
        >>> bool(jnp.all(jnp.abs(draw.batch.inputs) >= 1))
        True
        >>> bool(jnp.all(draw.probs == draw.batch.labels))
        True
    """
    a = vector("coefficients", coefficients)
    length = np.linalg.norm(a)
    if not (length > 0 and finite("margin", margin) >= 0):
        raise ValueError(
            f"coefficients must not all be 0 and margin must be >= 0, got margin {margin}"
        )
    inputs = normal_inputs(key, examples, len(a))
    side = jnp.where(_linear(inputs, a) > 0, 1.0, -1.0).astype(inputs.dtype)
    push = jnp.asarray(margin * a / length, inputs.dtype)
    labels = (side + 1) / 2
    return Draw(Batch(inputs + side[:, None] * push, labels), labels, side * jnp.inf)


def _flipped_logits(t: jax.Array, r: float, q: float) -> jax.Array:
    """Log of ((1 - r) p + q (1 - p)) / (r p + (1 - q) (1 - p)), from logs of p and 1 - p."""
    keep_1, flip_1, keep_0, flip_0 = jnp.log(jnp.asarray([1 - r, r, 1 - q, q], t.dtype))
    log_p, log_not_p = -softplus(-t), -softplus(t)
    one = jnp.logaddexp(keep_1 + log_p, flip_0 + log_not_p)
    zero = jnp.logaddexp(flip_1 + log_p, keep_0 + log_not_p)
    return one - zero


def _linear(inputs: jax.Array, a: np.ndarray) -> jax.Array:
    """X a as a sum of products: a matrix product would be rounded to TF32 on some devices."""
    return jnp.sum(inputs * jnp.asarray(a, inputs.dtype), axis=-1)
