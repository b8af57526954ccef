"""Tests whose statistic has a chi-square law.

With k degrees of freedom the probability of a statistic beyond s is Q(k / 2, s / 2), Q the
regularised upper incomplete gamma function.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaincc
from jax.typing import ArrayLike


class ChiSquareTest(NamedTuple):
    """A statistic, its law's degrees of freedom, and how likely a larger one is under the null.

    Example:
        >>> test = ChiSquareTest(3.841459, 1, chi_square_survival(3.841459, 1))
        >>> f"{test.statistic:.2f} on {test.degrees} degree of freedom: p = {test.p_value:.3f}"
        '3.84 on 1 degree of freedom: p = 0.050'
    """

    statistic: jax.Array
    degrees: jax.Array
    p_value: jax.Array


def chi_square_survival(statistic: ArrayLike, degrees: ArrayLike) -> jax.Array:
    """P(X > s) for X chi-square; 0 at inf.

    Args:
        statistic: s >= 0.
        degrees: k > 0.

    Returns:
        Numbers in [0, 1] of their common shape; nan for k < 0.

    Accuracy: 1e-10 of SciPy in float64, 1e-5 in float32, relative, where it is above 1e-30
    (tests/numerics/test_chi_square.py).

    Example:
        >>> chi_square_survival(3.841459, 1).round(4)
        Array(0.05, dtype=float32)
    """
    half = jnp.asarray(statistic) / 2
    return gammaincc(jnp.asarray(degrees, half.dtype) / 2, half)
