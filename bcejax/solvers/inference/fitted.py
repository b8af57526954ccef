"""A solution beside the data that it was fitted to: what inference starts from."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.likelihood import Likelihood
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.standardised import Standardised, standardised

Result = TypeVar("Result")


class Fitted(NamedTuple):
    """A fit and its problem, a pytree; params are the coefficients, then the intercept if any."""

    params: jax.Array  # (p,)
    problem: Problem
    total: jax.Array  # W, what the weights summed to
    status: jax.Array  # int32
    direction: jax.Array  # (p,)

    def standardised(self) -> tuple[Standardised, Likelihood]:
        """The problem in columns of one size, and the likelihood in these."""
        work = standardised(self.problem)
        return work, Likelihood.of(work, self.total)


def as_fitted(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None,
    where: ArrayLike | None,
    offset: ArrayLike | None,
    l2: ArrayLike,
    intercept: bool,
) -> Fitted:
    """What came, in one world: JAX's as soon as the solution or an array is JAX's.

    Raises:
        TypeError, ValueError: as ``fit_logistic``; or the solution is not of one fit with a
            coefficient for each column.
    """
    if isinstance(solution.coefficients, jax.Array):
        labels = jnp.asarray(labels)
    problem = as_problem(
        inputs,
        labels,
        weights=weights,
        where=where,
        offset=offset,
        l2=l2,
        intercept=intercept,
    )
    (n, d), dtype = problem.inputs.shape, problem.labels.dtype
    if np.shape(solution.coefficients) != (d,):
        raise ValueError(
            f"solution has coefficients {np.shape(solution.coefficients)} beside inputs {(n, d)};"
            f" give a fit to these columns, ({d},), and vmap over many"
        )
    world = jnp if isinstance(problem.labels, jax.Array) else np
    w = world.ones(n) if weights is None else world.asarray(weights)
    w = w if where is None else world.where(world.asarray(where), w, 0)
    params = world.append(solution.coefficients, solution.intercept)
    kept = slice(d + problem.intercept)
    return Fitted(
        params[kept].astype(dtype),
        problem,
        world.sum(w.astype(dtype)),
        world.asarray(solution.status),
        world.asarray(solution.direction)[kept],
    )


def evaluate(
    function: Callable[..., Result], fitted: Fitted, *arrays: Any, **static: Any
) -> Result:
    """A jitted function of the fit: in float64, with NumPy out, where the fit is NumPy's."""
    if isinstance(fitted.problem.labels, jax.Array):
        return function(fitted, *arrays, **static)
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        numbers: Result = jax.tree.map(np.asarray, function(fitted, *arrays, **static))
    return numbers
