"""Grids of penalties, from where nothing is left of the coefficients downwards.

With p_i = s(c + o_i) at the best intercept c alone, the coefficients of F (problem.py) are all 0
from

    largest l1 = max_j |sum_i w_i (p_i - y_i) x_ij| / sum_i w_i

on, which others call lambda_max or alpha_max.  A ridge makes no coefficient 0; with the hessian H
of the coefficients there, l2 leaves a share h / (h + l2) of an eigenvalue h, so from

    largest l2 = trace of H

on no direction keeps more than half of its way.  Grids fall from there by equal factors.

Source: J. Friedman, T. Hastie and R. Tibshirani, Regularization paths for generalized linear models
via coordinate descent (2010).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.matrices import column_scales
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import JAX

TALL, WIDE = 1e-4, 1e-2  # share of the largest penalty where a grid ends; d <= n, d > n


def largest_l1(
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
) -> Any:
    """The least l1 at which all coefficients are 0; arguments as ``fit_logistic``.

    Returns:
        (), NumPy's where NumPy came. With another penalty l2 it is the same.

    Example:
        >>> largest_l1([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
        np.float64(0.25)
    """
    given = {"weights": weights, "where": where, "offset": offset, "intercept": intercept}
    return _largest(inputs, labels, given)[0]


def largest_l2(
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
) -> Any:
    """An l2 from which on at most half is left of every direction; arguments as ``fit_logistic``.

    Example:
        >>> largest_l2([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
        np.float64(0.3125)
    """
    given = {"weights": weights, "where": where, "offset": offset, "intercept": intercept}
    return _largest(inputs, labels, given)[1]


def falling(largest: Any, count: int, shape: tuple[int, ...], xp: Any) -> Any:
    """``count`` penalties from the largest down by equal factors, for inputs of a shape.

    Example:
        >>> import numpy as np
        >>> falling(2.0, 3, (10, 4), np)
        array([2.e+00, 2.e-02, 2.e-04])
    """
    least = TALL if shape[0] >= shape[1] else WIDE
    return largest * least ** (xp.arange(count) / max(count - 1, 1))


def _largest(inputs: Any, labels: ArrayLike, given: dict[str, Any]) -> tuple[Any, Any]:
    problem = as_problem(inputs, labels, **given)
    return (jax.jit(_largest_of) if problem.world is JAX else _largest_of)(problem)


def _largest_of(problem: Problem) -> tuple[Any, Any]:
    world, xp, d = problem.world, problem.world.xp, problem.inputs.shape[1]
    logits = problem.offset
    if problem.intercept:
        logits = logits + _intercept(problem)
    slopes = problem.weights * world.slopes(logits, problem.labels)
    bends = problem.weights * world.bends(logits)
    l1 = xp.max(xp.abs(problem.gathered(slopes)[:d]))
    squares = column_scales(problem.inputs, bends) ** 2
    if problem.intercept:
        means = problem.gathered(bends)[:d]
        squares = squares - means**2 / xp.sum(bends)
    tiny = float(jnp.finfo(l1.dtype).tiny)
    return xp.maximum(l1, tiny), xp.maximum(xp.sum(squares), tiny)


def _intercept(problem: Problem) -> Any:
    """The best c where all coefficients are 0; by bisection where offsets differ."""
    world, xp = problem.world, problem.world.xp
    eps = float(jnp.finfo(problem.labels.dtype).eps)
    mean = xp.clip(problem.weights @ problem.labels, eps, 1 - eps)
    alone = xp.log(mean) - xp.log1p(-mean)
    counted = xp.where(problem.weights > 0, problem.offset, problem.weights @ problem.offset)

    def wide(ends: tuple[Any, Any]) -> Any:
        low, high = ends
        return high - low > 4 * eps * (1 + xp.abs(low) + xp.abs(high))

    def halved(ends: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = ends
        middle = (low + high) / 2
        slope = problem.weights @ world.slopes(middle + problem.offset, problem.labels)
        return xp.where(slope < 0, middle, low), xp.where(slope < 0, high, middle)

    ends = world.while_loop(wide, halved, (alone - xp.max(counted), alone - xp.min(counted)))
    return (ends[0] + ends[1]) / 2
