r"""Cross-validation of a penalised logistic regression: all folds and penalties.

The grid holds totals lambda of the penalties; with r = l1_ratio fit (g, k) has

    l2 = (1 - r) lambda_g,    l1 = r lambda_g,

as glmnet's lambda and alpha, and learns from all examples but those of fold k.  There its held-out
loss L_gk is the mean log loss (or Brier score) under the weights.  With W_k the weight of fold k,

    mean_g = sum_k W_k L_gk / sum_k W_k
    se_g   = sqrt(sum_k W_k (L_gk - mean_g)^2 / sum_k W_k / (K - 1))

The best lambda has the least mean; "one standard error" is the largest lambda whose mean is at most
that of the best plus its standard error (Breiman, Friedman, Olshen and Stone).

Without l1 the fits to all data at all penalties are one ``weighted_fits``, and the folds, which
start from these, another.  With l1 they follow the grid downwards, each from the one before.

References:
    L. Breiman, J. H. Friedman, R. A. Olshen and C. J. Stone, Classification and regression trees
    (1984), section 3.4.
    J. Friedman, T. Hastie and R. Tibshirani, Regularization paths for generalized linear models via
    coordinate descent (2010).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.data.splitting import Seed, split_rows
from bcejax.losses import bce_with_logits
from bcejax.numerics import is_traced, sigmoid
from bcejax.solvers.arguments import as_problem, nonnegative
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.many.weighted import checked_penalties, fit_in_world
from bcejax.solvers.matrices import is_sparse
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import JAX, in_float64

SCORES = {
    "log": bce_with_logits,
    "brier": lambda logits, labels: (sigmoid(logits) - labels) ** 2,
}


class CrossValidation(NamedTuple):
    """What penalties do on examples left out; a pytree. G penalties, K folds.

    Attributes:
        grid: (G,), lambda, in the order given.
        losses: (G, K), mean loss on each fold of the fit without it; inf where that fit is neither
            CONVERGED nor SINGULAR, and 0 on a fold without weight.
        mean: (G,), over the folds.
        standard_error: (G,), of the mean.
        best: int32, the place in the grid of the least mean; 0 where every mean is inf.
        one_standard_error: int32, that of the largest penalty within one standard error of it.
        solution: the fit to all data at the best penalty.
        path: the fits to all data at all penalties, with a leading axis (G,).
        fits: those without a fold, with leading axes (G, K), a status for each.

    Example:
        >>> x, y = np.arange(60.0)[:, None] % 7, np.arange(60) % 3 > 0
        >>> found = cross_validate(x, y, grid=[1e-3, 1e-1, 10.0])
        >>> found.solution.coefficients.round(3), found.path.status.shape, found.fits.status.shape
        (array([-0.002]), (3,), (3, 5))
    """

    grid: jax.Array | np.ndarray
    losses: jax.Array | np.ndarray
    mean: jax.Array | np.ndarray
    standard_error: jax.Array | np.ndarray
    best: jax.Array | np.ndarray
    one_standard_error: jax.Array | np.ndarray
    solution: Solution
    path: Solution
    fits: Solution


def cross_validate(
    inputs: Any,
    labels: ArrayLike,
    *,
    grid: ArrayLike,
    l1_ratio: float = 0.0,
    folds: int | ArrayLike = 5,
    seed: Seed = 0,
    score: str = "log",
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
    tol: float | None = None,
    max_steps: int | None = None,
) -> CrossValidation:
    """Judge penalties by examples left out: all folds and penalties, each fit to full accuracy.

    Args:
        inputs: (n, d) numbers, X, dense.
        labels: (n,), y in [0, 1]; soft labels are welcome.
        grid: (G,) penalties lambda >= 0, in any order: l2 = (1 - l1_ratio) lambda and
            l1 = l1_ratio lambda, on the scale of ``fit_logistic``.
        l1_ratio: share of the penalty that is l1, in [0, 1].
        folds: K >= 2, to deal the examples at random, each class evenly if it has as many as there
            are folds; or (n,) whole numbers from 0 to K - 1, the fold of each example.
        seed: for the dealing: a whole number >= 0 or a key of ``jax.random``.
        score: "log" (the cross-entropy, in nats) or "brier" (the squared error of probabilities).
        weights: (n,), >= 0: how much each example counts, in fits and in scores.
        where: (n,) bool: whether it counts at all.
        offset: (n,), added to the logits.
        intercept: whether it is fitted, or 0.
        tol: bound on ``gradient_norm``, as in ``fit_logistic``.
        max_steps: bound on passes over the data by a fit that has to be done by itself.

    Returns:
        A ``CrossValidation``, NumPy float64 where all arrays are NumPy's, else JAX arrays; then,
        with ``folds`` and ``l1_ratio`` whose values are there, the call works under jit (where
        labels are traced, whole K deals without regard to class).

    Raises:
        TypeError: as ``fit_logistic``.
        ValueError: likewise; the inputs are sparse, the grid is empty or not (G,), l1_ratio is
            outside [0, 1], there are fewer than 2 folds or more than examples, fold numbers are
            not those from 0 to K - 1, one of them has all weight, a score has another name.

    Against a loop of ``fit_logistic`` coefficients are equal to 1e-7 and losses to 1e-8, with l1
    both to 1e-6 (tests/solvers/many/test_cross_validation.py).

    Example:
        >>> x, y = np.arange(60.0)[:, None] % 7, np.arange(60) % 3 > 0
        >>> found = cross_validate(x, y, grid=[1e-3, 1e-1, 10.0])
        >>> found.losses.shape, float(found.grid[found.best]), found.mean.round(3)
        ((3, 5), 10.0, array([0.662, 0.659, 0.638]))
    """
    if score not in SCORES:
        raise ValueError(f"score {score!r} is not one of {[*SCORES]}")
    l1_ratio = float(nonnegative(np, l1_ratio, "l1_ratio", np.float64))
    if l1_ratio > 1:
        raise ValueError(f"l1_ratio must lie in [0, 1], got {l1_ratio}")
    problem = as_problem(
        inputs, labels, weights=weights, where=where, offset=offset, intercept=intercept
    )
    if is_sparse(problem.inputs):
        raise ValueError(
            "inputs must be dense for cross_validate; a loop of fit_logistic takes both"
        )
    grid = _checked_grid(grid, problem)
    parts = _parts(problem, folds, seed)
    others = np.ones((len(parts) + 1, len(problem.labels)), np.int32)
    for k, part in enumerate(parts):
        others[k, part] = 0
    if not is_traced(problem.weights):
        left = others @ (np.asarray(problem.weights) > 0)
        for k in np.flatnonzero(left == 0)[:1]:
            raise ValueError(
                f"fold {k} holds all examples that have weight: nothing is left to learn from"
                " without it"
            )
    equal = weights is None and where is None
    options = {"tol": tol, "max_steps": max_steps}
    if l1_ratio == 0:
        path, fits = _at_once(problem, others, grid, equal, **options)
    else:
        path, fits = _in_turn(problem, others, grid, l1_ratio, **options)
    if problem.world is JAX:
        losses, shares = _held_out(problem, parts, fits, score)
    else:
        losses, shares = in_float64(_held_out, problem, parts, fits, score=score)
    return _judged(problem.world.xp, grid, losses, shares, path, fits)


def _checked_grid(grid: ArrayLike, problem: Problem) -> Any:
    if np.ndim(grid) != 1 or np.size(grid) == 0:
        raise ValueError(f"grid must be (G,) with G >= 1, got {np.shape(grid)}")
    return checked_penalties(grid, "grid", np.size(grid), problem)


def _parts(problem: Problem, folds: int | ArrayLike, seed: Seed) -> list[np.ndarray]:
    """The rows of each fold, whose values are there."""
    n = len(problem.labels)
    if np.ndim(folds) == 0:
        known = np.asarray(folds)
        if not 2 <= known <= n or known % 1 != 0:
            raise ValueError(
                f"folds must be a whole number between 2 and that of examples, {n}, got {folds}"
            )
        count = int(known)
        labels = np.zeros(n) if is_traced(problem.labels) else np.asarray(problem.labels)
        ones = int((labels >= 0.5).sum())
        stratify = all(size == 0 or size >= count for size in (ones, n - ones))
        return [*split_rows(labels, [1 / count] * count, seed=seed, stratify=stratify)]
    numbers = np.asarray(folds)
    if numbers.shape != (n,):
        raise ValueError(f"folds must be a whole number or ({n},), got {numbers.shape}")
    found = np.unique(numbers)
    if len(found) < 2 or not np.array_equal(found, np.arange(len(found))):
        raise ValueError(f"folds must be numbered from 0 to K - 1, K >= 2, got {found}")
    return [np.flatnonzero(numbers == k) for k in found]


def _at_once(
    problem: Problem, others: np.ndarray, grid: Any, equal: bool, **options: Any
) -> tuple[Solution, Solution]:
    """Fits to all data at all penalties, and from these those without a fold."""
    world, count = problem.world.xp, len(others) - 1
    shares = np.ones(len(problem.labels), np.int32) if equal else problem.weights
    fit = functools.partial(fit_in_world, problem, _without_a_fold, **options)
    path = fit(source=(others[-1:], shares), l2=grid, start=None)
    start = path.coefficients
    if problem.intercept:
        start = world.column_stack([start, path.intercept])
    start = world.where(_usable(path)[:, None], start, 0)
    start, penalties = (world.repeat(each, count, axis=0) for each in (start, grid))
    fits = fit(source=(others[:-1], shares), l2=penalties, start=start)
    return path, _folded(fits, count)


@functools.partial(jax.jit, static_argnames="count")
def _without_a_fold(source: tuple[jax.Array, jax.Array], first: Any, count: int) -> jax.Array:
    """Weights of fits, which go through the folds before they come to the next penalty."""
    others, shares = source
    return others[(first + jnp.arange(count)) % len(others)] * shares


def _folded(fits: Solution, count: int) -> Solution:
    """Leading axes (G, K) in place of (G K,)."""
    return jax.tree.map(lambda each: each.reshape(len(each) // count, count, *each.shape[1:]), fits)


def _usable(fits: Solution) -> Any:
    return (fits.status == SolverStatus.CONVERGED) | (fits.status == SolverStatus.SINGULAR)


def _in_turn(
    problem: Problem, others: np.ndarray, grid: Any, l1_ratio: float, **options: Any
) -> tuple[Solution, Solution]:
    """For all data and without each fold: down the grid, each fit from the one before."""
    world = problem.world.xp
    order = world.argsort(-grid)
    penalties = grid[order]

    def fit(weights: Any, penalty: Any, init: Any) -> Solution:
        return fit_logistic(
            problem.inputs,
            problem.labels,
            weights=weights,
            offset=problem.offset,
            l2=(1 - l1_ratio) * penalty,
            l1=l1_ratio * penalty,
            intercept=problem.intercept,
            init=init,
            **options,
        )

    weights = others * problem.weights
    found = (_loop if world is np else _scan)(fit, weights, penalties)
    back = world.argsort(order)
    found = jax.tree.map(lambda each: world.swapaxes(each, 0, 1)[back], found)
    return jax.tree.map(lambda each: each[:, -1], found), jax.tree.map(lambda e: e[:, :-1], found)


def _loop(fit: Any, weights: np.ndarray, penalties: np.ndarray) -> Solution:
    """Leading axes (K + 1, G)."""
    rows = []
    for own in weights:
        fits: list[Solution] = []
        for penalty in penalties:
            fits.append(fit(own, penalty, fits[-1] if fits else None))
        rows.append(jax.tree.map(lambda *each: np.stack(each), *fits))
    return jax.tree.map(lambda *each: np.stack(each), *rows)


def _scan(fit: Any, weights: jax.Array, penalties: jax.Array) -> Solution:
    """The same, compiled once."""

    def follow(own: jax.Array) -> Solution:
        first = fit(own, penalties[0], None)

        def step(last: Solution, penalty: jax.Array) -> tuple[Solution, Solution]:
            found = fit(own, penalty, last)
            return found, found

        return lax.scan(step, first, penalties)[1]

    return jax.jit(functools.partial(lax.map, follow))(weights)


@functools.partial(jax.jit, static_argnames="score")
def _held_out(
    problem: Problem, parts: list[jax.Array], fits: Solution, score: str
) -> tuple[jax.Array, jax.Array]:
    """The losses of ``CrossValidation`` (G, K), and the folds' weights (K,)."""
    columns, shares = [], []
    for k, rows in enumerate(parts):
        weights, inputs = problem.weights[rows], problem.inputs[rows]
        logits = fits.coefficients[:, k] @ inputs.T + fits.intercept[:, k, None]
        logits = logits + problem.offset[rows]
        losses = SCORES[score](logits, jnp.broadcast_to(problem.labels[rows], logits.shape))
        total = jnp.sum(weights)
        summed = jnp.sum(weights * losses, axis=1)
        columns.append(jnp.where(total > 0, summed / jnp.where(total > 0, total, 1), 0))
        shares.append(total)
    usable = _usable(fits) | (jnp.stack(shares) == 0)
    return jnp.where(usable, jnp.stack(columns, axis=1), jnp.inf), jnp.stack(shares)


def _judged(
    world: Any, grid: Any, losses: Any, shares: Any, path: Solution, fits: Solution
) -> CrossValidation:
    """Means over the folds, and the penalties that they choose."""
    mean = losses @ shares / world.sum(shares)
    known = mean < np.inf
    off = world.where(known[:, None], losses - world.where(known, mean, 0)[:, None], np.inf)
    off = world.where(shares > 0, off, 0)
    others = world.maximum(world.sum(shares > 0) - 1, 1)
    error = world.sqrt(off**2 @ shares / world.sum(shares) / others)
    best = world.argmin(mean).astype(np.int32)
    good = mean <= mean[best] + error[best]
    largest = world.argmax(world.where(good, grid, -1)).astype(np.int32)
    solution = jax.tree.map(lambda each: each[best], path)
    return CrossValidation(grid, losses, mean, error, best, largest, solution, path, fits)
