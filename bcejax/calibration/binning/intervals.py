"""Intervals of a share: where the truth lies when k of n trials came out as 1.

    Wilson            all t with |k/n - t| <= z sqrt(t (1 - t) / n), z the normal quantile
    Clopper-Pearson   t from the (1 - c)/2 quantile of Beta(k, n - k + 1) to the (1 + c)/2 quantile
                      of Beta(k + 1, n - k); 0 for k = 0, and 1 for k = n. Exact: it covers the
                      truth with probability c or more, whatever the truth
    Jeffreys          the same two quantiles of Beta(k + 1/2, n - k + 1/2), ends as before

k may be no whole number, where labels are soft or weights are none.

References:
    E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in the
    case of the binomial (1934).
    L. D. Brown, T. T. Cai and A. DasGupta, Interval estimation for a binomial proportion (2001).
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp

from bcejax.calibration.binning.beta_law import beta_quantile
from bcejax.numerics.options import check_confidence

Interval: TypeAlias = Literal["wilson", "clopper_pearson", "jeffreys"]
Ends: TypeAlias = tuple[jax.Array, jax.Array]


def wilson_interval(share: jax.Array, trials: jax.Array, confidence: float) -> Ends:
    """Where the true share lies by Wilson's interval, which is the closest to its confidence.

    Args:
        share: observed shares in [0, 1], any shape.
        trials: how many trials each comes from, > 0, same shape.
        confidence: in (0, 1).

    Returns:
        Lower and upper ends, in [0, 1].

    Raises:
        ValueError: a confidence outside (0, 1).

    Example:
        >>> lower, upper = wilson_interval(jnp.array(0.0), jnp.array(10.0), 0.95)
        >>> float(lower), round(float(upper), 4)
        (0.0, 0.2775)
    """
    check_confidence(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * jnp.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    upper = (share + z**2 / (2 * trials) + spread) / (1 + z**2 / trials)
    # the two ends are the roots of a quadratic; the product of the roots does not cancel
    lower = share**2 / (1 + z**2 / trials) / upper
    return lower, jnp.minimum(upper, 1)


def clopper_pearson_interval(share: jax.Array, trials: jax.Array, confidence: float) -> Ends:
    """Where the true share lies by the exact interval; all else as in ``wilson_interval``.

    Accuracy: that of ``beta_quantile``; against SciPy in
    tests/calibration/binning/test_intervals.py.

    Example:
        >>> lower, upper = clopper_pearson_interval(jnp.array(0.0), jnp.array(10.0), 0.95)
        >>> float(lower), round(float(upper), 4)
        (0.0, 0.3085)
    """
    return _beta_ends(share, trials, confidence, more=1.0)


def jeffreys_interval(share: jax.Array, trials: jax.Array, confidence: float) -> Ends:
    """Where the true share lies by a prior Beta(1/2, 1/2); all else as in ``wilson_interval``.

    Accuracy: that of ``beta_quantile``; against SciPy in
    tests/calibration/binning/test_intervals.py.

    Example:
        >>> lower, upper = jeffreys_interval(jnp.array(0.0), jnp.array(10.0), 0.95)
        >>> float(lower), round(float(upper), 4)
        (0.0, 0.2172)
    """
    return _beta_ends(share, trials, confidence, more=0.5)


def _beta_ends(share: jax.Array, trials: jax.Array, confidence: float, more: float) -> Ends:
    """Quantiles of Beta(k + 1 - more, n - k + more) and Beta(k + more, n - k + 1 - more)."""
    check_confidence(confidence)
    hits, misses = share * trials, (1 - share) * trials
    tail, less = (1 - confidence) / 2, 1 - more
    lower = beta_quantile(tail, jnp.where(share == 0, 1, hits) + less, misses + more)
    upper = beta_quantile(1 - tail, hits + more, jnp.where(share == 1, 1, misses) + less)
    return jnp.where(share == 0, 0, lower), jnp.where(share == 1, 1, upper)


INTERVALS: dict[str, Callable[[jax.Array, jax.Array, float], Ends]] = {
    "wilson": wilson_interval,
    "clopper_pearson": clopper_pearson_interval,
    "jeffreys": jeffreys_interval,
}
