"""Intervals of a share: where the truth lies when k of n trials came out as 1.

References:
    E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
"""

from statistics import NormalDist

import jax
import jax.numpy as jnp


def wilson_interval(
    share: jax.Array, trials: jax.Array, confidence: float
) -> tuple[jax.Array, jax.Array]:
    """Where the true share lies, given an observed one.

    With z the normal quantile of (1 + confidence) / 2 and n trials, all t that satisfy
    |share - t| <= z sqrt(t (1 - t) / n).

    Args:
        share: observed shares in [0, 1], any shape.
        trials: how many trials each comes from, > 0, same shape.
        confidence: in (0, 1).

    Returns:
        Lower and upper ends, in [0, 1].

    Example:
        >>> lower, upper = wilson_interval(jnp.array(0.0), jnp.array(10.0), 0.95)
        >>> float(lower), round(float(upper), 4)
        (0.0, 0.2775)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * jnp.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    upper = (share + z**2 / (2 * trials) + spread) / (1 + z**2 / trials)
    # the two ends are the roots of a quadratic; the product of the roots does not cancel
    lower = share**2 / (1 + z**2 / trials) / upper
    return lower, jnp.minimum(upper, 1)
