r"""Where an interval ends, from the estimate and its bootstrap replicates.

With t the estimate, Q(a) the a-quantile of the replicates and alpha = 1 - confidence,

    basic         2 t - Q(1 - alpha / 2)   to   2 t - Q(alpha / 2)
    percentile    Q(alpha / 2)             to   Q(1 - alpha / 2)
    bca           Q(a_1)                   to   Q(a_2),
                  a = Phi(z0 + (z0 + z) / (1 - c (z0 + z))),
                  z = Phi^-1(alpha / 2) for a_1, Phi^-1(1 - alpha / 2) for a_2

where z0 = Phi^-1(share of replicates below t, ties half) and the acceleration
c = sum u^3 / (6 (sum u^2)^(3/2)) comes from the influence u of each example.

Only the basic interval undoes a bias.  A calibration error is never below 0 and its replicates lie
above it as far as it lies above the truth: the percentile interval of a calibrated model misses 0
every time, and bca, which needs replicates on both sides of t, is no better there.

References:
    B. Efron and R. J. Tibshirani, An introduction to the bootstrap (1993).
    A. C. Davison and D. V. Hinkley, Bootstrap methods and their application (1997).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm


def basic_ends(
    estimate: jax.Array, replicates: jax.Array, influence: None, confidence: float
) -> jax.Array:
    """Lower and upper end, stacked; arguments as in ``bca_ends``.

    Example:
        >>> basic_ends(jnp.array(1.0), jnp.linspace(1, 3, 101), None, 0.9).round(2)
        Array([-0.9,  0.9], dtype=float32)
    """
    return 2 * estimate - percentile_ends(estimate, replicates, influence, confidence)[::-1]


def percentile_ends(
    estimate: jax.Array, replicates: jax.Array, influence: None, confidence: float
) -> jax.Array:
    """Lower and upper end, stacked; arguments as in ``bca_ends``.

    Example:
        >>> percentile_ends(jnp.array(1.0), jnp.linspace(1, 3, 101), None, 0.5).round(2)
        Array([1.5, 2.5], dtype=float32)
    """
    tails = jnp.array([(1 - confidence) / 2, (1 + confidence) / 2], replicates.dtype)
    return jnp.quantile(replicates, tails, axis=0)


def bca_ends(
    estimate: jax.Array, replicates: jax.Array, influence: jax.Array, confidence: float
) -> jax.Array:
    """Lower and upper end, stacked.

    Args:
        estimate: any shape.
        replicates: (r, that shape).
        influence: (that shape, n), the change of the estimate per weight of each example; 0 for
            one that does not count.
        confidence: in (0, 1).

    Returns:
        (2, that shape); nan where all replicates lie on one side of the estimate.

    Example:
        >>> spread = jnp.linspace(-1, 1, 101)
        >>> [round(float(end), 1) for end in bca_ends(jnp.array(0.0), spread, spread, 0.9)]
        [-0.9, 0.9]
    """
    sides = (1 - jnp.sign(replicates - estimate)) / 2  # 1 below, 1/2 for a tie
    bias = norm.ppf(jnp.mean(sides, axis=0))
    spread = jnp.sum(influence**2, axis=-1)
    acceleration = jnp.sum(influence**3, axis=-1) / (6 * spread**1.5)

    def end(tail: float) -> jax.Array:
        z = bias + norm.ppf(tail)
        level = norm.cdf(bias + z / (1 - acceleration * z))
        return _quantiles(replicates, level)

    return jnp.stack([end((1 - confidence) / 2), end((1 + confidence) / 2)])


def _quantiles(replicates: jax.Array, levels: jax.Array) -> jax.Array:
    """Of each column its own."""
    flat = replicates.reshape(len(replicates), -1)
    found = jax.vmap(jnp.quantile, (1, 0))(flat, levels.ravel())
    return jnp.where(jnp.isfinite(levels.ravel()), found, jnp.nan).reshape(levels.shape)


KINDS: dict[str, Callable[..., jax.Array]] = {
    "basic": basic_ends,
    "percentile": percentile_ends,
    "bca": bca_ends,
}
