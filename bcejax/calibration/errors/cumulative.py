r"""Cumulative calibration errors: how far the running sum of residuals wanders.

In ascending order of probability, with weights w of sum W and residuals y - p,

    C_0 = 0,    C_k = (1 / W) sum_{i <= k} w_i (y_i - p_i),

read at the ends of tie groups only, so that the order inside a group means nothing:

    Kolmogorov-Smirnov   max |C_k|
    Kuiper               max C_k - min C_k

There are no bins, no bandwidth and no resampling. For a calibrated model with independent labels
C / scale, scale = sqrt(sum w p (1 - p)) / W, goes to Brownian motion on [0, 1] as n grows, so

    P(max |B| > x)  = 1 - (4 / pi) sum_{k >= 0} (-1)^k / (2k + 1) exp(-((2k + 1) pi / x)^2 / 8)
                    = 4 sum_{k >= 0} (-1)^k Phi(-(2k + 1) x),
    P(max B - min B > x)  = 1 - sum_{k >= 0} (8 / x^2 + 2 / c^2) exp(-2 (c / x)^2), c = (k + 1/2) pi
                          = 8 sum_{k >= 1} (-1)^(k - 1) k Phi(-k x).

The first form of each is for small x, the second for large x, where it keeps its digits: six terms
of either are exact to rounding.

References:
    W. Feller, The asymptotic distribution of the range of sums of independent random variables
    (1951).
    I. Arrieta-Ibarra, P. Gujral, J. Tannen, M. Tygert and C. Xu, Metrics of calibration for
    probabilistic predictions (2022).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending

_TERMS = 6


class CumulativeErrors(NamedTuple):
    """Scalars; ``scaled`` is the statistic over its standard deviation, what the p-value is of.

    Example:
        >>> errors = cumulative_calibration_error([0, 0, 1], probs=[0.25, 0.5, 0.75])
        >>> round(float(errors.kuiper_scaled), 2), round(float(errors.kuiper_p_value), 2)
        (0.95, 0.96)
    """

    kolmogorov_smirnov: jax.Array
    kolmogorov_smirnov_scaled: jax.Array
    kolmogorov_smirnov_p_value: jax.Array
    kuiper: jax.Array
    kuiper_scaled: jax.Array
    kuiper_p_value: jax.Array


def cumulative_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> CumulativeErrors:
    """The Kolmogorov-Smirnov and Kuiper statistics of calibration, with p-values.

    Works under jit and vmap; the statistics are differentiable almost everywhere.

    Args:
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0: k copies are one example of weight k, in the
            p-values too. Weights that count importance, not copies, make these p-values wrong;
            ``calibration_test`` simulates right ones.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        ``CumulativeErrors``, both statistics in [0, 1], float32 or wider. The p-values are
        asymptotic and nan where a soft label counts, for they are those of drawn labels. Where
        every probability is 0 or 1, a right model has statistic 0 and p-value 1, a wrong one
        p-value 0. Under jit, nan where a value should have been refused or nothing counts.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: shapes that differ, no example; and, unless traced: nan, labels or
            probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: statistics within (20 + log2 n) eps of their exact values, p-values within 1e-5
    relative in float32 for the scaled statistic given, 1e-12 in float64
    (tests/calibration/errors/test_cumulative.py).

    Source: I. Arrieta-Ibarra et al., Metrics of calibration for probabilistic predictions (2022).

    Example:
        >>> errors = cumulative_calibration_error([0, 0, 1], probs=[0.25, 0.5, 0.75])
        >>> errors.kolmogorov_smirnov, errors.kuiper
        (Array(0.25, dtype=float32), Array(0.25, dtype=float32))
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _errors(examples, ascending(examples.scores()))


@jax.jit
def _errors(examples: Examples, ordering: Ordering) -> CumulativeErrors:
    w, y = examples.weights, examples.labels
    total = jnp.sum(w)
    wander = jnp.cumsum(ordering.per_group(w * examples.residuals())) / total
    up, down = jnp.maximum(jnp.max(wander), 0), jnp.minimum(jnp.min(wander), 0)
    largest, spread = jnp.maximum(up, -down), up - down
    scale = jnp.sqrt(jnp.sum(w * examples.variances())) / total
    drawn = jnp.all((w == 0) | (y == 0) | (y == 1))
    scaled = [_over(each, scale) for each in (largest, spread)]
    p_values = [
        jnp.where(drawn, tail(each), jnp.nan)
        for tail, each in zip((tail_of_largest, tail_of_range), scaled, strict=True)
    ]
    return CumulativeErrors(largest, scaled[0], p_values[0], spread, scaled[1], p_values[1])


def _over(statistic: jax.Array, scale: jax.Array) -> jax.Array:
    """The quotient; 0 / 0 is 0: a statistic that cannot vary and is not there is no evidence."""
    return jnp.where(statistic == 0, 0, statistic / jnp.where(statistic == 0, 1, scale))


def tail_of_largest(x: jax.Array) -> jax.Array:
    """The probability that Brownian motion on [0, 1] leaves [-x, x].

    Args:
        x: numbers >= 0, any shape.

    Returns:
        Probabilities of that shape.

    Example:
        >>> tail_of_largest(jnp.array([0.0, 1.0, jnp.inf])).round(4)
        Array([1. , 0.6292, 0. ], dtype=float32)
    """
    k = jnp.arange(_TERMS, dtype=x.dtype)
    odd, sign = 2 * k + 1, 1 - 2 * (k % 2)
    near, far = jnp.clip(x, 0.1, 1)[..., None], jnp.maximum(x, 1)[..., None]
    inside = 4 / np.pi * jnp.sum(sign / odd * jnp.exp(-jnp.square(odd * np.pi / near) / 8), -1)
    return jnp.where(x < 1, 1 - inside, 4 * jnp.sum(sign * _upper_tail(odd * far), -1))


def tail_of_range(x: jax.Array) -> jax.Array:
    """The probability that Brownian motion on [0, 1] has a range above x.

    Args:
        x: numbers >= 0, any shape.

    Returns:
        Probabilities of that shape.

    Example:
        >>> tail_of_range(jnp.array([0.0, 2.0, jnp.inf])).round(4)
        Array([1. , 0.1815, 0. ], dtype=float32)
    """
    k = jnp.arange(1, _TERMS + 1, dtype=x.dtype)
    sign = 2 * (k % 2) - 1
    near, far = jnp.clip(x, 0.1, 2)[..., None], jnp.maximum(x, 2)[..., None]
    rate = jnp.square((k - 0.5) * np.pi)
    inside = jnp.sum((8 / near**2 + 2 / rate) * jnp.exp(-2 * rate / near**2), -1)
    return jnp.where(x < 2, 1 - inside, 8 * jnp.sum(sign * k * _upper_tail(k * far), -1))


def _upper_tail(x: jax.Array) -> jax.Array:
    """Phi(-x), the chance that a standard normal exceeds x."""
    return erfc(x * np.sqrt(0.5).astype(x.dtype)) / 2
