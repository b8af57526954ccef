"""A solution beside the data that it was fitted to: what inference starts from."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.descent import descend, settled
from bcejax.solvers.engines.likelihood import Likelihood
from bcejax.solvers.engines.standardised import Standardised, standardised
from bcejax.solvers.matrices import dense
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import in_float64

Result = TypeVar("Result")
EVALUATIONS = 60  # of V, to go as far out as V falls


class Fitted(NamedTuple):
    """A fit and its problem, a pytree; params are the coefficients, then the intercept if any."""

    params: jax.Array  # (p,)
    problem: Problem
    status: jax.Array  # int32
    direction: jax.Array  # (p,)

    def standardised(self) -> tuple[Standardised, Likelihood]:
        """The problem in columns of one size, and the likelihood in these."""
        work = standardised(self.problem)
        return work, Likelihood.of(work, self.problem.total)

    def outermost(self, work: Standardised) -> jax.Array:
        """Params in these columns, (p,); where separated, from where V cannot fall any more.

        The solution of a separated fit may lie anywhere.
        """
        likelihood = Likelihood.of(work, visible(self.problem.total))
        separated = self.status == SolverStatus.SEPARATED
        start = jnp.where(separated, 0, work.inward(self.params))
        free = jnp.ones(start.shape, bool)
        rest = descend(
            likelihood.at,
            start,
            free,
            likelihood.reach,
            lambda rest: settled(rest) | ~separated,
            EVALUATIONS,
        )
        return jnp.where(separated, rest.params + rest.step, start)


def visible(total: jax.Array) -> jax.Array:
    """A sum of weights under which a descent sees V fall, as ``settled`` judges it.

    Example:
        >>> visible(jnp.float32(1e-12)), visible(jnp.float32(9))
        (Array(1., dtype=float32), Array(9., dtype=float32))
    """
    return jnp.maximum(total, 1)


def as_fitted(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
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
    problem = dataclasses.replace(problem, inputs=dense(problem.inputs))
    (n, d), dtype = problem.inputs.shape, problem.labels.dtype
    if np.shape(solution.coefficients) != (d,):
        raise ValueError(
            f"solution has coefficients {np.shape(solution.coefficients)} beside inputs {(n, d)};"
            f" give a fit to these columns, ({d},), and vmap over many"
        )
    world = jnp if isinstance(problem.labels, jax.Array) else np
    params = world.append(solution.coefficients, solution.intercept)
    kept = slice(d + problem.intercept)
    return Fitted(
        params[kept].astype(dtype),
        problem,
        world.asarray(solution.status),
        world.asarray(solution.direction)[kept],
    )


def evaluate(
    function: Callable[..., Result], fitted: Fitted, *arrays: Any, **static: Any
) -> Result:
    """A function of the fit: in float64, with NumPy out, where the fit is NumPy's."""
    if isinstance(fitted.problem.labels, jax.Array):
        with jax.default_matmul_precision("highest"):  # a GPU would round float32 to 10 bits
            return function(fitted, *arrays, **static)
    return in_float64(function, fitted, *arrays, **static)
