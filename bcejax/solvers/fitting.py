"""Logistic regression to full accuracy: one door to every solver.

F, what is minimised, is stated in problem.py.  The door checks what came, lets an engine of
outcome.py work, computes certificates of what it gave, and ties the optimum to the problem for
derivatives.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.numerics import is_traced
from bcejax.numerics.options import check_count
from bcejax.solvers.arguments import as_problem, as_start, find_gap, nonnegative
from bcejax.solvers.certificates import certify, rounding
from bcejax.solvers.engines.dense_newton import dense_newton
from bcejax.solvers.engines.firth import firth as bias_reduced
from bcejax.solvers.engines.firth import firth_value
from bcejax.solvers.engines.lbfgs import lbfgs
from bcejax.solvers.engines.newton_cg import newton_cg
from bcejax.solvers.engines.outcome import Engine, Outcome
from bcejax.solvers.engines.proximal_newton import proximal_newton
from bcejax.solvers.engines.sketched import sketched, suits_sketch
from bcejax.solvers.engines.working_set import working_set_newton
from bcejax.solvers.implicit import optimal
from bcejax.solvers.matrices import is_csr, is_sparse
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import JAX, in_float64

ENGINES: dict[str, Engine] = {
    "newton": dense_newton,
    "newton_cg": newton_cg,
    "lbfgs": lbfgs,
    "proximal_newton": proximal_newton,
}
# the same for NumPy's arrays, without anything to compile
HOSTS: dict[str, Engine] = {**ENGINES, "proximal_newton": working_set_newton}
FIRTH = "firth"
STEPS = {"lbfgs": 2000}  # of the others 100
TOLERANCES = {"float32": 1e-6, "float64": 1e-9}
MANY_COLUMNS = 1000  # from here on a factor of the hessian costs more than many products


def fit_logistic(
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    l1: ArrayLike = 0.0,
    intercept: bool = True,
    solver: str = "auto",
    firth: bool = False,
    tol: float | None = None,
    max_steps: int | None = None,
    init: Any = None,
) -> Solution:
    r"""Fit a logistic regression to its optimum.

    Minimises, in the coefficients b (d,) and the intercept c,

        F(b, c) = sum_i w_i l(x_i·b + c + o_i, y_i) / sum_i w_i + l2/2 |b|_2^2 + l1 |b|_1

    where l is the binary cross-entropy of a logit. The intercept is never penalised. With W = sum w
    (n without weights), scikit-learn's C is 1 / (l2 W), and glmnet's lambda is l2 + l1, its alpha
    l1 / (l2 + l1).

    Args:
        inputs: (n, d) numbers, X: an array, a data frame, or a sparse matrix: JAX's BCOO, or
            SciPy's beside NumPy's arrays. What is sparse must be finite under weight 0 too.
        labels: (n,), y in [0, 1]; soft labels are welcome.
        weights: (n,), >= 0: how much each example counts. Under 0 anything may lie.
        where: (n,) bool: False is weight 0.
        offset: (n,), added to the logits.
        l2: ridge penalty, >= 0; may be traced.
        l1: lasso penalty, >= 0; may be traced.
        intercept: whether c is fitted, or 0.
        solver: "newton" factors the hessian and tells all statuses; "newton_cg" and "lbfgs" take
            products with the inputs alone, for many columns or sparse ones, and do not tell
            SINGULAR; "proximal_newton" is for l1. Where labels can be told apart in part only,
            these three say SEPARATED if they can prove it, else MAX_STEPS. "auto" is
            "proximal_newton" where l1 is traced or not 0, "newton_cg" for sparse inputs and more
            than 1000 columns, else "newton". From 1000 examples of NumPy's on it takes hessians of
            samples first, and ends within ``tol``, where "newton" by name goes on to rounding.
        firth: maximise the likelihood penalised by Jeffreys' prior instead, which has an optimum
            whatever the labels.
        tol: bound on ``gradient_norm``. None is 1e-9 in float64, 1e-6 in float32; what rounding
            of the logits leaves is allowed on top.
        max_steps: bound on passes over the data. None lets the solver choose.
        init: where to start: (coefficients, intercept) or a ``Solution``.

    Returns:
        A ``Solution``: NumPy float64 where all arrays are NumPy's (or lists), whatever JAX's
        precision; else JAX arrays in the dtype of inputs, at least float32, and then the call
        works under jit, vmap and grad. Its coefficients, intercept and value have derivatives in
        inputs, labels, weights, offset, l2 and l1.

    Raises:
        TypeError: an array is not of real numbers, ``where`` not boolean, or ``max_steps`` not an
            integer.
        ValueError: shapes differ, or ``max_steps`` is not 1 or more; or, where values can be looked
            at, a label lies outside [0, 1], a weight is negative, all are 0, a penalty or ``tol``
            is negative, an offset is not finite, an input is nan.

    Example:
        >>> fit = fit_logistic([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
        >>> fit.coefficients.round(4), fit.intercept.round(4), SolverStatus(int(fit.status)).name
        (array([0.9082]), np.float64(-1.3623), 'CONVERGED')

    Accuracy:
        Where CONVERGED: values 1e-10 of scikit-learn's newton-cholesky on the bundled sets, raw
        columns (tests/solvers/test_fitting.py); params of "newton" in float64 1e-14 of 50 digits
        (tests/solvers/engines/test_dense_newton.py), a worse conditioned problem losing digits in
        proportion. SEPARATED and SINGULAR come with a direction that proves them, and on small
        problems of integers "newton" says so exactly where a linear program does
        (tests/solvers/test_fitting.py); first derivatives 1e-6 of refits, second 1e-3
        (tests/solvers/test_implicit.py).
    """
    problem = as_problem(
        inputs,
        labels,
        weights=weights,
        where=where,
        offset=offset,
        l2=l2,
        l1=l1,
        intercept=intercept,
    )
    name = _engine(problem, solver, l1=l1, firth=firth)
    dtype = problem.labels.dtype
    tol = TOLERANCES[dtype.name] if tol is None else tol
    tol = nonnegative(problem.world.xp, tol, "tol", dtype)
    steps = STEPS.get(name, 100) if max_steps is None else max_steps
    check_count("max_steps", steps)
    with np.errstate(all="ignore"):
        start = as_start(problem, init, shifted=offset is not None)
        if problem.world is JAX:
            solution = _solve(problem, start, tol, name, steps)
        elif name == FIRTH:
            solution = in_float64(_solve, problem, start, tol, name=name, max_steps=steps)
        else:
            solution = _solve_on_host(problem, start, tol, name, steps, solver == "auto")
    if problem.world is not JAX:
        solution = jax.tree.map(np.asarray, solution)
    if not is_traced(problem) and bool(solution.status == SolverStatus.DIVERGED):
        find_gap(problem)
    return solution


def _engine(problem: Problem, solver: str, *, l1: ArrayLike, firth: bool) -> str:
    """The name of the engine to use."""
    if solver != "auto" and solver not in ENGINES:
        raise ValueError(f"solver {solver!r} is not one of {['auto', *ENGINES]}")
    smooth = not isinstance(l1, jax.core.Tracer) and bool(np.asarray(l1) == 0)
    if firth and not (smooth and solver == "auto"):
        raise ValueError('firth=True has its own solver and no l1: leave them at "auto" and 0.0')
    if not smooth and solver not in ("auto", "proximal_newton"):
        raise ValueError(f'l1 is for solver "proximal_newton" or "auto", not {solver!r}')
    sparse = is_sparse(problem.inputs)
    if solver == "auto":
        solver = FIRTH if firth else smooth_engine(problem.inputs)
        solver = solver if smooth else "proximal_newton"
    takes_sparse = solver in ("newton_cg", "lbfgs") or (is_csr(problem.inputs) and not smooth)
    if sparse and not takes_sparse:
        raise ValueError(
            f"solver {solver!r} takes dense inputs, got {type(problem.inputs).__name__}"
        )
    return solver


def smooth_engine(inputs: Any) -> str:
    """The name of the engine for such inputs where there is no l1.

    Example:
        >>> smooth_engine(np.eye(2))
        'newton'
    """
    many = is_sparse(inputs) or inputs.shape[1] > MANY_COLUMNS
    return "newton_cg" if many else "newton"


@functools.partial(jax.jit, static_argnames=("name", "max_steps"))
def _solve(
    problem: Problem, start: jax.Array, tol: jax.Array, name: str, max_steps: int
) -> Solution:
    fixed = lax.stop_gradient(problem)
    start = lax.stop_gradient(jnp.asarray(start))
    tol = jnp.asarray(tol, start.dtype)
    if name == FIRTH:
        with jax.default_matmul_precision("highest"):  # a GPU would round float32 to 10 bits
            out = bias_reduced(fixed, start, tol, max_steps)
            own = jax.grad(firth_value, argnums=1)
            params = optimal(lax.stop_gradient(out.params), problem, own)
            value = firth_value(problem, params)
        change = jnp.where(jnp.isfinite(value), value - lax.stop_gradient(value), 0)
        assert out.certificate is not None
        kept = out.certificate._replace(value=out.certificate.value + change)
        out = out._replace(certificate=kept)
    else:
        out = ENGINES[name](fixed, start, tol, max_steps)
        params = optimal(lax.stop_gradient(out.params), problem)
    return _concluded(problem, out._replace(params=params), tol)


def _solve_on_host(
    problem: Problem, start: np.ndarray, tol: float, name: str, max_steps: int, auto: bool
) -> Solution:
    """With NumPy alone, but for a first go at many examples."""
    if auto and name == "newton" and suits_sketch(problem):
        out = sketched(problem, start, tol, max_steps)
        if out.status == SolverStatus.CONVERGED:
            return _concluded(problem, out, tol)
        # a sample may have missed what a few examples hold
        if problem.value(out.params) <= problem.value(start):
            start = out.params
    return _concluded(problem, HOSTS[name](problem, start, tol, max_steps), tol)


def _concluded(problem: Problem, out: Outcome, tol: Any) -> Solution:
    """The record, with a status that its certificates bear out."""
    xp, params, d = problem.world.xp, out.params, problem.inputs.shape[1]
    value, norm, gap = out.certificate or certify(problem, params)
    claimed = (out.status == SolverStatus.CONVERGED) | (out.status == SolverStatus.SINGULAR)
    small = problem.world.cond(
        norm <= tol, lambda: norm <= tol, lambda: norm <= rounding(problem, params)
    )
    status = xp.where(claimed & xp.logical_not(small), SolverStatus.MAX_STEPS, out.status)
    status = xp.where(xp.isfinite(value), status, SolverStatus.DIVERGED).astype(xp.int32)
    params = xp.where(status == SolverStatus.DIVERGED, xp.nan, params)
    c = params[-1] if problem.intercept else xp.zeros((), params.dtype)
    direction = out.direction if problem.intercept else xp.append(out.direction, 0)
    return Solution(params[:d], c, value, norm, gap, direction, out.steps, status)
