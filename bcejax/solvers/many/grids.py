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

import jax.numpy as jnp

from bcejax.solvers.matrices import column_scales
from bcejax.solvers.problem import Problem

TALL, WIDE = 1e-4, 1e-2  # share of the largest penalty where a grid ends; d <= n, d > n


def largest_l1(problem: Problem) -> Any:
    """The least l1 at which all coefficients are 0, (), whatever the problem's own penalties.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> largest_l1(as_problem([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]))
        np.float64(0.25)
    """
    world, xp, d = problem.world, problem.world.xp, problem.inputs.shape[1]
    slopes = problem.weights * world.slopes(_level(problem), problem.labels)
    return _positive(xp.max(xp.abs(problem.gathered(slopes)[:d]), initial=0), xp)


def largest_l2(problem: Problem) -> Any:
    """An l2 from which on at most half is left of every direction, (); likewise.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> largest_l2(as_problem([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]))
        np.float64(0.3125)
    """
    world, xp, d = problem.world, problem.world.xp, problem.inputs.shape[1]
    bends = problem.weights * world.bends(_level(problem))
    squares = column_scales(problem.inputs, bends) ** 2
    if problem.intercept:
        means = problem.gathered(bends)[:d]
        squares = squares - means**2 / xp.sum(bends)
    return _positive(xp.sum(squares), xp)


def falling(largest: Any, count: int, shape: tuple[int, ...], xp: Any) -> Any:
    """``count`` penalties from the largest down by equal factors, for inputs of a shape.

    Example:
        >>> import numpy as np
        >>> falling(2.0, 3, (10, 4), np)
        array([2.e+00, 2.e-02, 2.e-04])
    """
    least = TALL if shape[0] >= shape[1] else WIDE
    return largest * least ** (xp.arange(count) / max(count - 1, 1))


def _positive(penalty: Any, xp: Any) -> Any:
    return xp.maximum(penalty, float(jnp.finfo(penalty.dtype).tiny))


def _level(problem: Problem) -> Any:
    """The logits where all coefficients are 0, (n,)."""
    return problem.offset + _intercept(problem) if problem.intercept else problem.offset


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
