r"""Bootstrap refits of a logistic regression: a thousand fits to full accuracy at once.

A resample draws n of the n examples with replacement.  It differs from the data only in how often
each example comes, so that it is the data with weights times counts, and all resamples together are
``weighted_fits``.

**Influence.**  The optimum b under counts c moves, at c = 1, by

    db/dc_i = -H^-1 (w_i / sum w) (v_i x_i + l2 b),    v_i = s(x_i b) - y_i,  H the hessian of F

(with x_i = 1 and no penalty for the intercept): the infinitesimal jackknife, which bca intervals
ask for.

**Intervals.**  ``bcejax.calibration.inference.bootstrap.interval_of`` makes basic, percentile and
bca intervals of estimate, replicates and influences; see the example.  A resample that is SEPARATED
has its optimum at infinity, and what stands for it is wherever the fit stopped: an interval is to
be trusted where the share of these is well below its tails.

References:
    B. Efron, Bootstrap methods: another look at the jackknife (1979).
    L. A. Jaeckel, The infinitesimal jackknife (1972).
"""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from bcejax.data.resampling import Resampling, resample_counts, resampling
from bcejax.numerics.options import check_count
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.many.weighted import fit_in_world
from bcejax.solvers.matrices import dense
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus


class BootstrapFits(NamedTuple):
    """The fit to the data and those to resamples; a pytree.

    Attributes:
        fit: to the data.
        replicates: to the resamples, with a leading axis, a status for each.
        influences: (d + 1, n), the derivative of the coefficients and, last, the intercept in the
            count of each example, at the data.

    Example:
        >>> x, y = np.arange(60.0)[:, None] % 7, np.arange(60) % 3 > 0
        >>> boot = bootstrap_logistic(x, y, key=jax.random.key(0), n_resamples=200)
        >>> boot.coefficients.std().round(1), np.linalg.norm(boot.influences[0]).round(1)
        (np.float64(0.1), np.float64(0.1))
    """

    fit: Solution
    replicates: Solution
    influences: jax.Array | np.ndarray

    @property
    def coefficients(self) -> jax.Array | np.ndarray:
        """Of the replicates, (n_resamples, d)."""
        return self.replicates.coefficients

    @property
    def intercept(self) -> jax.Array | np.ndarray:
        """Of the replicates, (n_resamples,)."""
        return self.replicates.intercept

    @property
    def status(self) -> jax.Array | np.ndarray:
        """Of the replicates, (n_resamples,)."""
        return self.replicates.status


def bootstrap_logistic(
    inputs: Any,
    labels: ArrayLike,
    *,
    key: jax.Array,
    n_resamples: int = 1000,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
    tol: float | None = None,
    max_steps: int | None = None,
) -> BootstrapFits:
    """Fit a logistic regression to the data and to resamples of it, all to full accuracy.

    Args:
        inputs: (n, d) numbers, X.
        labels: (n,), y in [0, 1]; soft labels are welcome.
        key: of ``jax.random``; the same key gives the same resamples, each of which depends on no
            other, nor on the precision.
        n_resamples: how many, >= 1.
        weights: (n,), >= 0: how much each example counts. An example is drawn as a whole, with its
            weight: independent copies are to be given as copies.
        where: (n,) bool: whether it counts at all. What does not is never drawn.
        offset: (n,), added to the logits.
        l2: ridge penalty, >= 0.
        intercept: whether it is fitted, or 0.
        tol: bound on ``gradient_norm``, as in ``fit_logistic``.
        max_steps: bound on passes over the data by a fit that has to be done by itself.

    Returns:
        ``BootstrapFits``, NumPy float64 where all arrays are NumPy's, else JAX arrays in the dtype
        of inputs, at least float32; then the call works under jit.

    Raises:
        TypeError: as ``fit_logistic``, or n_resamples is no integer.
        ValueError: likewise, or n_resamples is below 1.

    Accuracy: each replicate is ``fit_logistic`` under its counts to 1e-7, and the influences are
    differences of refits in a count to 1e-5 (tests/solvers/many/test_bootstrap.py).

    Example:
        >>> from bcejax.calibration.inference import interval_of
        >>> x, y = np.arange(60.0)[:, None] % 7, np.arange(60) % 3 > 0
        >>> boot = bootstrap_logistic(x, y, key=jax.random.key(0), n_resamples=200)
        >>> interval = interval_of(
        ...     boot.fit.coefficients, boot.coefficients, boot.influences[:-1],
        ...     kind="bca", confidence=0.95)
        >>> bool((interval.lower < boot.fit.coefficients).all()), np.bincount(boot.status)
        (True, array([200]))
    """
    check_count("n_resamples", n_resamples)
    problem = as_problem(
        inputs, labels, weights=weights, where=where, offset=offset, l2=l2, intercept=intercept
    )
    fit = fit_logistic(
        problem.inputs,
        problem.labels,
        weights=problem.weights,
        offset=problem.offset,
        l2=problem.l2,
        intercept=intercept,
        tol=tol,
    )
    world = problem.world.xp
    params = world.append(fit.coefficients, fit.intercept) if intercept else fit.coefficients
    start = world.where(fit.status == SolverStatus.CONVERGED, params, 0)
    draws = resampling(key, problem.weights > 0)
    equal = weights is None
    replicates = fit_in_world(
        problem,
        resample_counts if equal else _weighted_counts,
        draws if equal else (draws, problem.weights),
        world.broadcast_to(problem.l2, (n_resamples,)),
        start,
        tol=tol,
        max_steps=max_steps,
    )
    return BootstrapFits(fit, replicates, _influences(problem, params))


@functools.partial(jax.jit, static_argnames="count")
def _weighted_counts(
    source: tuple[Resampling, jax.Array], first: ArrayLike, count: int
) -> jax.Array:
    return resample_counts(source[0], first, count) * source[1]


def _influences(problem: Problem, params: Any) -> Any:
    """db/dc of the coefficients and the intercept, (d + 1, n)."""
    world, logits, columns = problem.world.xp, problem.logits(params), dense(problem.inputs)
    if problem.intercept:
        columns = world.column_stack([columns, world.ones(len(logits), columns.dtype)])
    counts = (problem.weights > 0)[:, None]
    columns = world.where(counts, columns, 0)
    slopes, bends = problem.world.slopes(logits, problem.labels), problem.world.bends(logits)
    scores = slopes[:, None] * columns + problem.l2 * problem.penalised(params)
    scores = world.where(counts, problem.weights[:, None] * scores, 0)
    ridge = problem.l2 * problem.penalised(world.ones_like(params))
    hessian = (columns.T * (problem.weights * bends)) @ columns + world.diag(ridge)
    moved = -(world.linalg.pinv(hessian, hermitian=True) @ scores.T)
    return moved if problem.intercept else world.vstack([moved, 0 * moved[:1]])
