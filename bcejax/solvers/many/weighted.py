"""Many logistic regressions on the same inputs, each with its own weights.

Bootstrap resamples, jackknifes, folds of a cross-validation and importance weights are all of this
kind: only how much each example counts differs from fit to fit.  See batched.py for the method.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.numerics import is_traced, within
from bcejax.solvers.arguments import as_problem, as_start, check_nonnegative, find_gap
from bcejax.solvers.fitting import TOLERANCES, fit_logistic
from bcejax.solvers.many.batched import fit_at_once
from bcejax.solvers.many.layout import ELEMENTS
from bcejax.solvers.matrices import is_bcoo, is_sparse
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import JAX, in_float64

MOST_COLUMNS = 256  # beyond, one fit at a time is as fast
FEWEST = 64  # fits at a time, for fast products


def weighted_fits(
    inputs: Any,
    labels: ArrayLike,
    weight_matrix: ArrayLike,
    *,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
    tol: float | None = None,
    max_steps: int | None = None,
    init: Any = None,
) -> Solution:
    """Fit a logistic regression under each of m sets of weights, all to full accuracy.

    Fit j is ``fit_logistic(inputs, labels, weights=weight_matrix[j], l2=l2[j])``, its objective and
    its status included, but all take each step of Newton's method together, in products of
    matrices. Fits without an optimum do not hinder the others. Besides the weights it takes a
    bounded amount of memory.

    Args:
        inputs: (n, d) numbers, X; sparse or with more than 256 params, fits are made one by one.
        labels: (n,), y in [0, 1]; soft labels are welcome.
        weight_matrix: (m, n), >= 0: how much each example counts in each fit. Under 0 anything may
            lie.
        offset: (n,), added to the logits.
        l2: ridge penalty, >= 0: one number, or one for each fit, (m,).
        intercept: whether it is fitted, or 0.
        tol: bound on ``gradient_norm``, as in ``fit_logistic``.
        max_steps: bound on passes over the data by a fit that has to be done by itself.
        init: where all fits start: (coefficients, intercept) or a ``Solution`` of one fit. None is
            the optimum of the mean weights.

    Returns:
        A ``Solution`` with a leading axis (m,); NumPy float64 where all arrays are NumPy's, else
        JAX arrays in the dtype of inputs, at least float32, and then the call works under jit. It
        has no derivatives; for these, vmap ``fit_logistic``.

    Raises:
        TypeError: an array is not of real numbers.
        ValueError: shapes differ; or, where values can be looked at, a label lies outside [0, 1],
            a weight is negative, all of a fit are 0, a penalty is negative, an input is nan.

    Accuracy: that of ``fit_logistic``; equal to it to 1e-7, and to scikit-learn's newton-cholesky
    on copied rows to 1e-6 (tests/solvers/many/test_weighted.py).

    Example:
        >>> fits = weighted_fits(
        ...     [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], [[1, 1, 1, 1], [2, 1, 0, 1]])
        >>> fits.coefficients[0].round(3), [SolverStatus(each).name for each in fits.status]
        (array([0.908]), ['CONVERGED', 'SEPARATED'])
    """
    given = (inputs, labels, weight_matrix, offset)
    jaxed = any(isinstance(each, jax.Array) or is_bcoo(each) for each in given) or is_traced(l2)
    weights = _checked_weights(jnp.asarray if jaxed else np.asarray, weight_matrix, labels)
    sums = weights.sum(axis=0)
    problem = as_problem(inputs, labels, weights=sums, offset=offset, intercept=intercept)
    penalties = checked_penalties(l2, "l2", len(weights), problem)
    with np.errstate(all="ignore"):
        start = None if init is None else as_start(problem, init)
    return fit_in_world(problem, rows_of, weights, penalties, start, tol=tol, max_steps=max_steps)


def _checked_weights(as_array: Callable[..., Any], values: Any, labels: Any) -> Any:
    """The weights (m, n); values are judged where they can be looked at."""
    weights = as_array(values)
    if not (jnp.issubdtype(weights.dtype, jnp.number) or weights.dtype == bool):
        raise TypeError(f"weight_matrix must be real numbers, got {weights.dtype}")
    if weights.ndim != 2 or 0 in weights.shape or weights.shape[1:] != np.shape(labels):
        raise ValueError(
            f"weight_matrix must be (m, n) with m >= 1 and n of labels {np.shape(labels)},"
            f" got {weights.shape}"
        )
    if is_traced(weights):
        return weights
    known = np.asarray(weights)  # under jit what is asked of JAX's would be traced
    for row in np.flatnonzero(~_sound(known))[:1]:
        raise ValueError(
            f"weight_matrix must be finite and >= 0 and not all 0 for any fit; fit {row} has"
            f" weights {known[row].min()} to {known[row].max()}"
        )
    return weights


def _sound(weights: Any) -> Any:
    """Which rows are weights of a fit, (m,) bool."""
    largest = weights.max(axis=1)
    return (weights.min(axis=1) >= 0) & (largest > 0) & (largest < np.inf)


def checked_penalties(values: ArrayLike, name: str, m: int, problem: Problem) -> Any:
    """One penalty or m as m, in the world and dtype of a problem.

    Raises:
        ValueError: neither one nor m came, or one is negative or not finite.

    Example:
        >>> checked_penalties(0.5, "l2", 2, as_problem([[0.0], [1.0]], [0, 1]))
        array([0.5, 0.5])
    """
    xp = problem.world.xp
    penalties = xp.asarray(values)
    if penalties.shape not in ((), (m,)):
        raise ValueError(f"{name} must be one number or ({m},), got {penalties.shape}")
    check_nonnegative(penalties, name)
    penalties = penalties.astype(problem.labels.dtype)
    if problem.world is JAX:
        penalties = within(penalties, 0.0, float(jnp.finfo(penalties.dtype).max))
    return xp.broadcast_to(penalties, (m,))


def fit_in_world(
    problem: Problem,
    weights_of: Callable[[Any, Any, int], jax.Array],
    source: Any,
    l2: Any,
    start: Any,
    *,
    tol: float | None,
    max_steps: int | None,
) -> Solution:
    """``fit_many`` in the world of the problem; refuses inputs that are not finite, by name.

    Args:
        problem: checked.
        weights_of: ``weights_of(source, first, count)`` gives the weights of fits first, first + 1,
            ..., (count, n), in any real dtype.
        source: what these are made of, a pytree of arrays.
        l2: (m,).
        start: (p,), for all fits, or (m, p), or None.
        tol: as ``fit_logistic``.
        max_steps: as ``weighted_fits``.

    Returns:
        A ``Solution`` with a leading axis (m,).

    Raises:
        ValueError: a fit came to nothing, and an input is nan or infinite.
    """
    tol = TOLERANCES[problem.labels.dtype.name] if tol is None else tol
    columns = problem.inputs.shape[1] + problem.intercept
    if columns > MOST_COLUMNS or is_sparse(problem.inputs):
        found = _apart(problem, weights_of, source, l2, tol, max_steps)
    elif problem.world is JAX:
        found = _fit_many(problem, weights_of, source, l2, start, tol, max_steps, _by_itself)
    else:

        def together(*given: Any) -> Solution:
            here, source, l2, start = jax.tree.map(jnp.asarray, given)
            return _fit_many(here, weights_of, source, l2, start, tol, max_steps, _on_host)

        found = in_float64(together, problem, source, l2, start)
    if not is_traced(found) and bool((found.status == SolverStatus.DIVERGED).any()):
        find_gap(problem)
    return found


def rows_of(array: jax.Array, first: Any, count: int) -> jax.Array:
    """So many rows from the first on.

    Example:
        >>> rows_of(jnp.arange(4), 1, 2)
        Array([1, 2], dtype=int32)
    """
    return array if count == len(array) else lax.dynamic_slice_in_dim(array, first, count)


def _fit_many(
    problem: Problem,
    weights_of: Callable[[Any, Any, int], jax.Array],
    source: Any,
    l2: jax.Array,
    start: jax.Array | None,
    tol: Any,
    max_steps: int | None,
    by_itself: Callable[..., Solution],
) -> Solution:
    """As many fits at a time as memory is for."""
    n, d = problem.inputs.shape
    m, p = len(l2), d + problem.intercept
    tol = jnp.asarray(tol, problem.labels.dtype)
    count = max(1, min(m, max(FEWEST, ELEMENTS // n), 2 * ELEMENTS // p**2))

    def chunk(first: Any) -> Solution:
        weights, penalties = weights_of(source, first, count), rows_of(l2, first, count)
        near = start
        if start is not None and start.ndim == 2:
            near = rows_of(start, first, count)
        found = fit_at_once(problem, weights, penalties, near, tol)
        alone = found.status != SolverStatus.CONVERGED
        if is_traced(alone) or bool(alone.any()):
            found = by_itself(problem, weights, penalties, found, tol, max_steps)
        return found

    if count == m:
        return chunk(0)
    firsts = np.minimum(np.arange(0, m, count), m - count)
    if is_traced(problem, source, l2):
        found = lax.map(chunk, jnp.asarray(firsts))
    else:
        found = jax.tree.map(lambda *parts: jnp.stack(parts), *(chunk(int(f)) for f in firsts))
    # the last chunk begins early, so as to be as long as the others
    at = np.arange(m) // count
    return jax.tree.map(lambda each: each[at, np.arange(m) - firsts[at]], found)


def _apart(
    problem: Problem,
    weights_of: Callable[[Any, Any, int], jax.Array],
    source: Any,
    l2: Any,
    tol: Any,
    max_steps: int | None,
) -> Solution:
    """Every fit by itself: of sparse inputs, or many columns."""
    if problem.world is JAX:

        def one(j: jax.Array) -> Solution:
            weights = weights_of(source, j, 1)[0].astype(problem.labels.dtype)
            return _single(problem, weights, l2[j], tol, max_steps)

        return lax.map(one, jnp.arange(len(l2)))

    def in_turn(source: Any) -> Solution:
        given = jax.tree.map(jnp.asarray, source)
        rows = (np.asarray(weights_of(given, j, 1)[0]) for j in range(len(l2)))
        pairs = zip(rows, l2, strict=True)
        fits = [_single(problem, weights, each, tol, max_steps) for weights, each in pairs]
        return jax.tree.map(lambda *each: np.stack(each), *fits)

    return in_float64(in_turn, source)


@functools.partial(jax.jit, static_argnames="max_steps")
def _by_itself(
    problem: Problem,
    weights: jax.Array,
    l2: jax.Array,
    found: Solution,
    tol: Any,
    max_steps: int | None,
) -> Solution:
    """What is not converged, one after the other."""

    def one(parts: tuple[jax.Array, jax.Array, Solution]) -> Solution:
        own, penalty, solution = parts
        own = own.astype(problem.labels.dtype)
        return lax.cond(
            solution.status == SolverStatus.CONVERGED,
            lambda: solution,
            lambda: _single(problem, own, penalty, tol, max_steps),
        )

    return lax.map(one, (weights, l2, found))


def _on_host(
    problem: Problem,
    weights: jax.Array,
    l2: jax.Array,
    found: Solution,
    tol: Any,
    max_steps: int | None,
) -> Solution:
    """The same with NumPy, which compiles nothing."""
    problem, weights, penalties = jax.tree.map(np.asarray, (problem, weights, l2))
    found = jax.tree.map(np.array, found)
    for row in np.flatnonzero(found.status != SolverStatus.CONVERGED):
        fit = _single(problem, weights[row], penalties[row], float(tol), max_steps)
        for every, each in zip(found, fit, strict=True):
            every[row] = each
    return found


def _single(problem: Problem, weights: Any, l2: Any, tol: Any, max_steps: int | None) -> Solution:
    return fit_logistic(
        problem.inputs,
        problem.labels,
        weights=weights,
        offset=problem.offset,
        l2=l2,
        intercept=problem.intercept,
        tol=tol,
        max_steps=max_steps,
    )
