r"""Wald intervals: b_j +- z e_j, with e_j the standard error and z a quantile of the normal law."""

from statistics import NormalDist
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.numerics.options import check_confidence
from bcejax.solvers.inference.information import Kind, standard_errors
from bcejax.solvers.solution import Solution


class Intervals(NamedTuple):
    """One interval for each param; numbers are (p,).

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> ends = wald_intervals(fit_logistic(x, y), x, y)
        >>> np.exp(ends.lower[0]).round(3), np.exp(ends.upper[0]).round(1)
        (np.float64(0.296), np.float64(20.8))
    """

    lower: jax.Array | np.ndarray
    upper: jax.Array | np.ndarray


def normal_quantile(confidence: float) -> float:
    """z, so that a normal number lies within +-z with that probability.

    Raises:
        ValueError: the confidence does not lie between 0 and 1.

    Example:
        >>> round(normal_quantile(0.95), 4)
        1.96
    """
    check_confidence(confidence)
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wald_intervals(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    confidence: float = 0.95,
    kind: Kind = "fisher",
    intercept: bool = True,
    **options: Any,
) -> Intervals:
    """b_j +- z e_j.

    Args:
        solution: of ``fit_logistic``.
        inputs: (n, d), those of the fit.
        labels: (n,).
        confidence: in (0, 1), static.
        kind: of ``covariance``, which says what the intervals mean.
        intercept: whether one was fitted.
        options: of ``covariance``.

    Returns:
        ``Intervals``, the intercept's last if there is one. Where the labels are separated they are
        the whole line, or nan: see ``covariance``.

    Raises:
        TypeError, ValueError: as ``covariance``; or a confidence outside (0, 1).

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> wald_intervals(fit_logistic(x, y), x, y).upper.round(3)
        array([3.035, 2.508])
    """
    z = normal_quantile(confidence)
    errors = standard_errors(solution, inputs, labels, kind=kind, intercept=intercept, **options)
    world: Any = jnp if isinstance(errors, jax.Array) else np
    params = world.append(solution.coefficients, solution.intercept)[: len(errors)]
    return Intervals(params - z * errors, params + z * errors)
