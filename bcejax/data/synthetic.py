"""Draws whose true probabilities are known, to hold estimates against.

Inputs x are standard normal in d dimensions, Z_1, ..., Z_d independent. With a true logit t(x)

    p(x) = P(y = 1 | x) = sigmoid(t(x)),      y ~ Bernoulli(p(x))

and every draw returns p and t beside the data. What is known of each:

    draw_logistic     t = w.x + b. The model is right: the best logistic regression is (w, b).
    draw_interaction  t = c x_1 x_2. p(-x) = p(x) and E p = 1/2, so E (p - 1/2) x = 0: the best
                      linear logit is 0 everywhere, its loss log 2, while the truth's is lower.
    draw_rare         t = w.x + b, with b such that E p equals a given rate.
    draw_noisy        t = w.x + b, then labels flip: 1 to 0 with probability r, 0 to 1 with q:
                      P(observed = 1 | x) = (1 - r) p + q (1 - p).
    draw_separable    p = 1 where w.x > 0 and 0 elsewhere, no point nearer to that border than
                      the margin. The loss of a linear model has infimum 0 and no minimum.

The same key gives the same draw. Every function may stand under ``jit`` and ``vmap`` over keys.

A label must be 1 with probability p also where p = 1e-9, and a float32 uniform number is a
multiple of 2^-23: u < 1e-9 would happen 119 times too often. So a label misses its likelier
value with the probability sigmoid(-|t|), judged by a uniform number made of 64 random bits,
whose grid near 0 is 2^-64.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.data.records import Array, Batch
from bcejax.numerics import sigmoid, softplus

WEIGHTS = (2.0, -1.0, 0.5)  # of the truth, where the caller names none


class Draw(NamedTuple):
    """Data with its truth; a pytree of arrays in the default float dtype of JAX.

    Attributes:
        batch: inputs (n, d), labels (n,) of 0. and 1.; no weights.
        probs: (n,), the probability with which each label was drawn as 1.
        logits: (n,), log(p / (1 - p)), the truth before rounding to ``probs``.
    """

    batch: Batch
    probs: jax.Array
    logits: jax.Array


class NoisyDraw(NamedTuple):
    """One set of inputs with the labels as observed and as they were before flips.

    Attributes:
        noisy: the labels as observed; its probs are (1 - r) p + q (1 - p).
        clean: the labels before flips; its probs are p.
    """

    noisy: Draw
    clean: Draw


def draw_logistic(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = WEIGHTS,
    *,
    intercept: float = 0.0,
) -> Draw:
    """Labels of a logistic regression: t = w.x + b, x standard normal.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: w (d,), concrete numbers.
        intercept: b.

    Raises:
        ValueError: n < 1, or the coefficients are not (d,) finite numbers with d >= 1.

    Example:
        >>> draw = draw_logistic(jax.random.key(0), 1000)
        >>> draw.batch.inputs.shape, draw.batch.labels.shape
        ((1000, 3), (1000,))
        >>> bool(abs(jnp.mean(draw.batch.labels - draw.probs)) < 0.05)
        True
    """
    inputs_key, labels_key = jax.random.split(key)
    inputs = _normal(inputs_key, examples, len(_checked(coefficients)))
    return _draw(labels_key, inputs, _linear(inputs, coefficients) + intercept)


def draw_interaction(
    key: jax.Array, examples: int, features: int = 2, *, strength: float = 3.0
) -> Draw:
    """Labels that depend on a product alone: t = c x_1 x_2, blind to every linear model.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        features: d >= 2; from the third on they are noise.
        strength: c.

    Raises:
        ValueError: n < 1 or d < 2.

    Example:
        >>> draw = draw_interaction(jax.random.key(0), 1000, features=4)
        >>> x_1, x_2 = draw.batch.inputs[:, :2].T
        >>> bool(jnp.all((draw.probs > 0.5) == (x_1 * x_2 > 0)))
        True
    """
    if features < 2:
        raise ValueError(f"features must be at least 2, got {features}")
    inputs_key, labels_key = jax.random.split(key)
    inputs = _normal(inputs_key, examples, features)
    return _draw(labels_key, inputs, strength * inputs[:, 0] * inputs[:, 1])


def draw_rare(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = WEIGHTS,
    *,
    rate: float = 0.01,
) -> Draw:
    """Labels of a logistic regression of which a given share is 1: E p = rate.

    The intercept is ``intercept_for_rate(coefficients, rate)``.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: w (d,), concrete numbers.
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
    coefficients: Sequence[float] | Array = WEIGHTS,
    *,
    intercept: float = 0.0,
    flip_positive: float = 0.2,
    flip_negative: float = 0.1,
) -> NoisyDraw:
    """Labels of a logistic regression, some of which were then written down wrongly.

    With r = ``flip_positive`` = P(observed 0 | clean 1) and q = ``flip_negative`` =
    P(observed 1 | clean 0), whatever x is,

        P(observed = 1 | x) = (1 - r) p(x) + q (1 - p(x))

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: w (d,), concrete numbers.
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
    flips = _uniform(flip_key, labels.shape) < jnp.where(labels == 1, r, q)
    observed = Batch(inputs, jnp.where(flips, 1 - labels, labels))
    logits = _flipped_logits(clean.logits, r, q)
    return NoisyDraw(Draw(observed, sigmoid(logits), logits), clean)


def draw_separable(
    key: jax.Array,
    examples: int,
    coefficients: Sequence[float] | Array = WEIGHTS,
    *,
    margin: float = 0.5,
) -> Draw:
    """Labels that a plane parts without error: y = 1 where w.x > 0, p in {0, 1}, t = +-inf.

    Standard normal points z are pushed off the plane w.x = 0, x = z + margin sign(w.z) w / |w|,
    so none lies nearer to it than the margin.

    Args:
        key: a ``jax.random.key``.
        examples: n >= 1.
        coefficients: w (d,), concrete numbers, not all 0.
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
    direction = _checked(coefficients)
    length = np.linalg.norm(direction)
    if not (length > 0 and margin >= 0):
        raise ValueError(
            f"coefficients must not all be 0 and margin must be >= 0, got margin {margin}"
        )
    inputs = _normal(key, examples, len(direction))
    side = jnp.where(_linear(inputs, direction) > 0, 1.0, -1.0).astype(inputs.dtype)
    push = jnp.asarray(margin * direction / length, inputs.dtype)
    labels = (side + 1) / 2
    return Draw(Batch(inputs + side[:, None] * push, labels), labels, side * jnp.inf)


def intercept_for_rate(coefficients: Sequence[float] | Array, rate: float) -> float:
    """The b for which E sigmoid(w.x + b) = rate, where x is standard normal.

    As w.x is |w| Z with Z normal, the expectation is one integral; the trapezoid rule on
    [-12, 12] converges geometrically for it, and bisection solves for b, in float64.

    Args:
        coefficients: w (d,), with |w| <= 50.
        rate: in (0, 1).

    Returns:
        b, for which E p differs from the rate by at most 1e-14 of it for rates from 1e-9 to 1/2
        (tests/data/test_synthetic.py, against mpmath's quadrature).

    Raises:
        ValueError: the rate lies outside (0, 1); the coefficients are not (d,) finite numbers
            or are longer than 50.

    Example:
        >>> round(intercept_for_rate((0.0,), 0.01), 6)  # log(0.01 / 0.99)
        -4.59512
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), got {rate}")
    length = float(np.linalg.norm(_checked(coefficients)))
    if length > 50:
        raise ValueError(f"coefficients must have length at most 50, got {length:g}")
    z = np.linspace(-12, 12, 12_001)
    density = np.exp(-z * z / 2)
    density /= density.sum()
    # |b| <= |logit(rate)| + the tail of |w| Z that 12 deviations hold
    low, high = (np.log(rate / (1 - rate)) + side * 12 * (length + 1) for side in (-1, 1))
    while (b := (low + high) / 2) not in (low, high):
        mean = density @ np.exp(-np.logaddexp(0, -(length * z + b)))
        low, high = (b, high) if mean < rate else (low, b)
    return float(b)


def _draw(key: jax.Array, inputs: jax.Array, logits: jax.Array) -> Draw:
    """Labels for the true logits: the likelier one, missed with probability sigmoid(-|t|)."""
    missed = _uniform(key, logits.shape) < sigmoid(-jnp.abs(logits))
    labels = ((logits > 0) ^ missed).astype(logits.dtype)
    return Draw(Batch(inputs, labels), sigmoid(logits), logits)


def _uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform numbers in (0, 1] from 64 bits, rounded once to the default float dtype."""
    high, low = jax.random.bits(key, (2, *shape), jnp.uint32).astype(float)
    return (high + (low + 0.5) * 2.0**-32) * 2.0**-32


def _flipped_logits(t: jax.Array, r: float, q: float) -> jax.Array:
    """Log of ((1 - r) p + q (1 - p)) / (r p + (1 - q) (1 - p)), from logs of p and 1 - p."""
    keep_1, flip_1, keep_0, flip_0 = jnp.log(jnp.asarray([1 - r, r, 1 - q, q], t.dtype))
    log_p, log_not_p = -softplus(-t), -softplus(t)
    one = jnp.logaddexp(keep_1 + log_p, flip_0 + log_not_p)
    zero = jnp.logaddexp(flip_1 + log_p, keep_0 + log_not_p)
    return one - zero


def _linear(inputs: jax.Array, coefficients: Sequence[float] | Array) -> jax.Array:
    """X w as a sum of products: a matrix product would be rounded to TF32 on some devices."""
    return jnp.sum(inputs * jnp.asarray(coefficients, inputs.dtype), axis=-1)


def _normal(key: jax.Array, examples: int, features: int) -> jax.Array:
    if examples < 1:
        raise ValueError(f"examples must be at least 1, got {examples}")
    return jax.random.normal(key, (examples, features))


def _checked(coefficients: Sequence[float] | Array) -> np.ndarray:
    array = np.asarray(coefficients, np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"coefficients must be (d,) finite numbers, got {coefficients}")
    return array
