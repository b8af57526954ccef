"""Fits along a grid of penalties, each from where the one before ended.

F of problem.py is minimised for one penalty after the other, from the largest down.  Params move
along nearly straight lines in log penalty, so that each fit starts from

    b_k + (b_k - b_{k-1}) log(r_{k+1} / r_k) / log(r_k / r_{k-1}),

the secant through the two optima before, where that keeps signs, and zeros at 0.

Source: J. Friedman, T. Hastie and R. Tibshirani, Regularization paths for generalized linear models
via coordinate descent (2010), section 2.5, for warm starts.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.numerics import is_traced
from bcejax.numerics.options import check_count
from bcejax.solvers.arguments import as_problem, check_nonnegative, find_gap, nonnegative
from bcejax.solvers.fitting import fit_logistic, smooth_engine
from bcejax.solvers.many.grids import falling, largest_l1, largest_l2
from bcejax.solvers.solution import Solution
from bcejax.solvers.worlds import JAX


class Path(NamedTuple):
    """Fits for k penalties, in the order of the grid.

    Attributes:
        l2s: (k,)
        l1s: (k,)
        solutions: a ``Solution`` with a leading axis (k,), a status for each.
        nonzeros: (k,) int32, coefficients that are not 0; with l1 alone an unbiased estimate of
            the degrees of freedom (Zou, Hastie and Tibshirani, 2007).

    Example:
        >>> path = regularisation_path([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], l1s=[0.3, 0.1])
        >>> dict(zip(path.l1s.tolist(), path.solutions.value.round(3).tolist()))
        {0.3: 0.693, 0.1: 0.656}
    """

    l2s: Any
    l1s: Any
    solutions: Solution
    nonzeros: Any


def regularisation_path(
    inputs: Any,
    labels: ArrayLike,
    *,
    l2s: ArrayLike | int | None = None,
    l1s: ArrayLike | int | None = None,
    l1_ratio: float = 1.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
    tol: float | None = None,
    max_steps: int | None = None,
) -> Path:
    """Fit a logistic regression for each penalty of a grid.

    Args:
        inputs: as ``fit_logistic``, like all that is not said here.
        labels: (n,)
        l2s: (k,) ridge penalties, for ridge alone; or how many, and they fall by equal factors from
            ``largest_l2`` to 1e-4 of it (1e-2 where d > n).
        l1s: (k,) lasso penalties; or how many, and they fall likewise from ``largest_l1``, at which
            all coefficients are 0.
        l1_ratio: share in (0, 1] of l1 in l1 + l2, glmnet's alpha: beside l1s stand
            l2s = l1s (1 - l1_ratio) / l1_ratio. A grid made here begins at the same l1.
        weights: (n,)
        where: (n,)
        offset: (n,)
        intercept: whether c is fitted.
        tol: bound on ``gradient_norm`` of each fit.
        max_steps: of each fit.

    Returns:
        A ``Path``, NumPy float64 where NumPy came; else traced arrays are welcome, and the whole
        path is one program. Each fit is that of ``fit_logistic`` to its tolerance
        (tests/solvers/many/test_path.py).

    Raises:
        TypeError: a number of penalties is True or False; and what ``fit_logistic`` refuses.
        ValueError: both or none of l2s and l1s are given, one is empty or not a row, l1_ratio is
            out of its range; and what ``fit_logistic`` refuses.

    Example:
        >>> path = regularisation_path([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], l1s=[0.3, 0.1])
        >>> path.nonzeros, path.solutions.coefficients.round(4)
        (array([0, 1], dtype=int32), array([[0.    ],
           [0.5003]]))
    """
    if (l2s is None) == (l1s is None):
        raise ValueError("give l2s or l1s, and not both; for both penalties l1s and l1_ratio")
    l1_ratio = float(nonnegative(np, l1_ratio, "l1_ratio", np.float64))
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio must lie in (0, 1], got {l1_ratio}; for 0 give l2s")
    problem = as_problem(
        inputs, labels, weights=weights, where=where, offset=offset, intercept=intercept
    )
    xp: Any = problem.world.xp
    name, grid, largest = ("l2s", l2s, largest_l2) if l1s is None else ("l1s", l1s, largest_l1)
    if isinstance(grid, int | np.integer):
        check_count(name, grid)
        largest = jax.jit(largest) if problem.world is JAX else largest
        grid = falling(largest(problem), int(grid), problem.inputs.shape, xp)
        if not is_traced(grid) and not np.isfinite(grid).all():
            find_gap(problem)
    xp = jnp if isinstance(grid, jax.Array) else xp
    grid = xp.asarray(grid, float if xp is np else None)
    if grid.ndim != 1 or not len(grid):
        raise ValueError(f"{name} must be a row of penalties or their number, got {grid.shape}")
    check_nonnegative(grid, name)
    penalties = {"l2": grid} if l1s is None else {"l2": grid * (1 / l1_ratio - 1), "l1": grid}
    order = xp.argsort(-grid)
    arrays: tuple[Any, ...] = (inputs, labels, weights, where, offset)
    if xp is jnp:
        plain = (list, tuple, int, float)
        arrays = tuple(jnp.asarray(a) if isinstance(a, plain) else a for a in arrays)
    solver = smooth_engine(problem.inputs) if l1s is None else "proximal_newton"
    options = {"intercept": intercept, "tol": tol, "max_steps": max_steps, "solver": solver}
    along = _traced if xp is jnp else _on_host
    falling_ones = {name: each[order] for name, each in penalties.items()}
    solutions = along(arrays, falling_ones, **options)
    back = xp.argsort(order)
    solutions = jax.tree.map(lambda leaf: leaf[back], solutions)
    nonzeros = xp.sum(solutions.coefficients != 0, axis=1).astype(xp.int32)
    return Path(penalties["l2"], penalties.get("l1", 0 * grid), solutions, nonzeros)


class _Ends(NamedTuple):
    """The last two optima and the logs of their penalties; params are (coefficients, intercept)."""

    last: Any
    before: Any
    log_last: Any
    log_before: Any

    def start(self, log: Any, xp: Any) -> tuple[Any, Any]:
        """Where the secant is at a penalty."""
        run = self.log_last - self.log_before
        share = (log - self.log_last) / xp.where(run == 0, xp.inf, run)
        share = xp.where(xp.isfinite(share), share, 0)
        ahead = [a + share * (a - b) for a, b in zip(self.last, self.before, strict=True)]
        kept = xp.where(ahead[0] * self.last[0] > 0, ahead[0], self.last[0])
        return kept, ahead[1]

    def then(self, solution: Solution, log: Any) -> "_Ends":
        return _Ends((solution.coefficients, solution.intercept), self.last, log, self.log_last)


def _on_host(arrays: tuple[Any, ...], grids: dict[str, Any], **options: Any) -> Solution:
    inputs, labels, weights, where, offset = arrays
    given = {"weights": weights, "where": where, "offset": offset}
    solutions: list[Solution] = []
    ends: _Ends | None = None
    for values in zip(*grids.values(), strict=True):
        log = _log(values[-1], np)
        init = None if ends is None else ends.start(log, np)
        penalties = dict(zip(grids, values, strict=True))
        fit = fit_logistic(inputs, labels, init=init, **penalties, **given, **options)
        here = (fit.coefficients, fit.intercept)
        ends = _Ends(here, here, log, log) if ends is None else ends.then(fit, log)
        solutions.append(fit)
    return Solution(*(np.stack(field) for field in zip(*solutions, strict=True)))


@functools.partial(jax.jit, static_argnames=("intercept", "max_steps", "solver", "tol"))
def _traced(arrays: tuple[Any, ...], grids: dict[str, Any], **options: Any) -> Solution:
    inputs, labels, weights, where, offset = arrays
    given = {"weights": weights, "where": where, "offset": offset}

    def fit(ends: _Ends, penalties: dict[str, Any]) -> tuple[_Ends, Solution]:
        log = _log(list(penalties.values())[-1], jnp)
        init = ends.start(log, jnp)
        solution = fit_logistic(inputs, labels, init=init, **penalties, **given, **options)
        return ends.then(solution, log), solution

    dtype = jnp.promote_types(inputs.dtype, jnp.float32)
    grids = {name: grid.astype(dtype) for name, grid in grids.items()}
    log = _log(list(grids.values())[-1][0], jnp)
    zero = (jnp.zeros(inputs.shape[1], dtype), jnp.zeros((), dtype))
    return lax.scan(fit, _Ends(zero, zero, log, log), grids)[1]


def _log(penalty: Any, xp: Any) -> Any:
    return xp.log(xp.maximum(penalty, float(jnp.finfo(penalty.dtype).tiny)))
