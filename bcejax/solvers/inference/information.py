r"""Fisher information, covariances and standard errors of a fitted logistic regression.

In the terms of likelihood.py, I is the Fisher information of all examples together, A = I + diag(r)
with r = W l2 for the coefficients and 0 for the intercept, and g_i = w_i (s(x_i) - y_i) f_i the
gradient of example i.  The covariances of the params are

    fisher      A^-1 I A^-1              I^-1 without a penalty
    posterior   A^-1                     the same without a penalty
    sandwich    A^-1 (sum_i g_i g_i') A^-1

**What they mean.**  "fisher" is, to first order, the spread of the estimate over labels drawn from
the fitted model.  With l2 > 0 that is the spread about the shrunken mean: intervals from it leave
out the bias, and cover the truth less often than they say.  "posterior" takes the penalty as a
prior, b_j normal with mean 0 and variance 1 / (W l2): Laplace's approximation of what is known
after the data.  "sandwich" does without the model being right (Huber and White: HC0); there a
weight is a sampling weight, by which one example stands for many, and not a count of copies, and
with clusters the g_i are summed within each first.  With l1 > 0 the labels have chosen the columns,
and none of these is valid.

**Where there is no covariance.**  After SINGULAR, what dependent columns leave open has variance
inf, and the rest is right.  After SEPARATED each param along the direction has variance inf, and
nothing else is said (nan); after MAX_STEPS or DIVERGED all is nan.  The square of an error may be
too small for its dtype, where a column is large: then the covariances of its param are nan, and the
error is right.

Sources: T. Amemiya, Advanced Econometrics (1985), section 9.2; H. White, Maximum likelihood
estimation of misspecified models (1982); R. J. Gray, Flexible methods for analyzing survival data
using splines (1992), for A^-1 I A^-1.
"""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.solvers.engines.likelihood import Likelihood
from bcejax.solvers.engines.pseudoinverse import pseudo_invert
from bcejax.solvers.engines.standardised import Standardised, standardised
from bcejax.solvers.inference.fitted import Fitted, as_fitted, evaluate
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus

Kind = Literal["fisher", "posterior", "sandwich"]
KINDS = ("fisher", "posterior", "sandwich")


class Spread(NamedTuple):
    """Of the params: their standard errors (p,), and the covariances (p, p)."""

    errors: jax.Array
    matrix: jax.Array


def fisher_information(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
) -> jax.Array | np.ndarray:
    """I, the Fisher information at a solution: the likelihood's alone, whatever the penalty.

    Works under jit and vmap, as all of this package.

    Args:
        solution: of ``fit_logistic``.
        inputs: (n, d), those of the fit, as are all that follow.
        labels: (n,).
        weights: (n,), how many copies of each example there are.
        where: (n,) bool.
        offset: (n,).
        intercept: whether one was fitted.

    Returns:
        (p, p), the coefficients first, then the intercept if there is one; NumPy float64 for
        NumPy, else JAX.

    Raises:
        TypeError, ValueError: as ``fit_logistic``; or the solution has other columns.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> fisher_information(fit_logistic(x, y), x, y).round(3)
        array([[2.648, 1.2  ],
               [1.2  , 0.8  ]])
    """
    fitted = as_fitted(
        solution,
        inputs,
        labels,
        weights=weights,
        where=where,
        offset=offset,
        l2=0.0,
        intercept=intercept,
    )
    return evaluate(_information, fitted)


def covariance(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
    kind: Kind = "fisher",
    clusters: ArrayLike | None = None,
    corrected: bool = False,
) -> jax.Array | np.ndarray:
    """The covariance of the fitted params, of one of the three kinds above.

    Args:
        solution: of ``fit_logistic``, with ``firth=True`` too.
        inputs: (n, d), those of the fit, as are all that follow.
        labels: (n,).
        weights: (n,), copies of each example; for the sandwich, sampling weights.
        where: (n,) bool.
        offset: (n,).
        l2: the ridge penalty of the fit.
        intercept: whether one was fitted.
        kind: "fisher", "posterior" or "sandwich".
        clusters: (n,) numbers, equal for examples that go together; for the sandwich.
        corrected: the sandwich times n / (n - p) (HC1), n the examples of weight > 0; with G
            clusters times G / (G - 1) (n - 1) / (n - p).

    Returns:
        (p, p), the coefficients first, then the intercept if there is one; inf and nan where
        there is no covariance.

    Raises:
        TypeError, ValueError: as ``fit_logistic``; the solution has other columns; no such kind;
            clusters not (n,), or for another kind.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> covariance(fit_logistic(x, y), x, y).round(2)
        array([[ 1.18, -1.77],
               [-1.77,  3.9 ]])

    Accuracy: standard errors 1e-8 of statsmodels 0.15, for the sandwich and clusters too, in
    float64; 1e-10 of 40 digits (tests/solvers/inference/test_information.py).
    """
    fitted = as_fitted(
        solution,
        inputs,
        labels,
        weights=weights,
        where=where,
        offset=offset,
        l2=l2,
        intercept=intercept,
    )
    return spread_of(fitted, kind, clusters, corrected).matrix


def standard_errors(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    kind: Kind = "fisher",
    clusters: ArrayLike | None = None,
    corrected: bool = False,
    **data: Any,
) -> jax.Array | np.ndarray:
    """The square roots of the variances in ``covariance``; arguments as there.

    Returns:
        (p,), the intercept's last if there is one.

    Raises:
        TypeError, ValueError: as ``covariance``.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> standard_errors(fit_logistic(x, y), x, y).round(3)
        array([1.085, 1.975])
    """
    return spread_of(as_fitted(solution, inputs, labels, **data), kind, clusters, corrected).errors


def spread_of(fitted: Fitted, kind: Kind, clusters: ArrayLike | None, corrected: bool) -> Spread:
    """``standard_errors`` and ``covariance`` of what came."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {list(KINDS)}")
    if clusters is not None:
        if kind != "sandwich":
            raise ValueError(f"clusters came with kind {kind!r}; they are for 'sandwich'")
        if np.shape(clusters) != np.shape(fitted.problem.labels):
            raise ValueError(
                f"clusters must be {np.shape(fitted.problem.labels)}, got {np.shape(clusters)}"
            )
    return evaluate(_spread, fitted, clusters, kind=kind, corrected=corrected)


@jax.jit
def _information(fitted: Fitted) -> jax.Array:
    work, likelihood = fitted.standardised()
    inward = jax.vmap(work.inward)(jnp.eye(len(fitted.params), dtype=fitted.params.dtype))
    return inward @ likelihood.information(work.inward(fitted.params)) @ inward.T


@functools.partial(jax.jit, static_argnames=("kind", "corrected"))
def _spread(fitted: Fitted, clusters: jax.Array | None, *, kind: Kind, corrected: bool) -> Spread:
    work, total = standardised(fitted.problem), fitted.problem.total
    # of weights as shares, lest their squares leave the range
    likelihood = Likelihood.of(work, jnp.ones_like(total))
    inner = work.inward(fitted.params)
    information = likelihood.information(inner)
    split = pseudo_invert(information + jnp.diag(likelihood.ridge))
    middle = information
    if kind == "sandwich":
        middle = _scatter(likelihood, inner, clusters, corrected, len(fitted.problem.labels))
        total = jnp.ones_like(total)
    whole = split.inverse if kind == "posterior" else split.inverse @ middle @ split.inverse
    # a constant column is 0 by its ridge alone, where the inverse rounds
    varies = (jnp.diagonal(information) > 0) | (kind == "posterior")
    whole = jnp.where(varies & varies[:, None], whole, 0)
    outward = work.outward_matrix()
    units = jnp.max(jnp.abs(outward), axis=1)
    rows = outward / units[:, None]
    return _where_known(
        fitted, work, rows @ whole @ rows.T, units / jnp.sqrt(total), split.sees(outward)
    )


def _scatter(
    likelihood: Likelihood,
    params: jax.Array,
    clusters: jax.Array | None,
    corrected: bool,
    n: int,
) -> jax.Array:
    """sum g g' over examples or clusters, (p, p)."""
    slopes = likelihood.slopes(params)
    count, p = jnp.sum(likelihood.weights > 0), len(params)
    if clusters is None:
        factor = count / (count - p) if corrected else 1
        return factor * likelihood.gram(slopes**2)
    present = (likelihood.weights > 0)[:n]
    _, which = jnp.unique(clusters, return_inverse=True, size=n)
    sums = jax.ops.segment_sum((slopes[:, None] * likelihood.columns)[:n], which, n)
    groups = jnp.sum(jax.ops.segment_max(present.astype(jnp.int32), which, n) > 0)
    factor = groups / (groups - 1) * (count - 1) / (count - p) if corrected else 1
    return factor * sums.T @ sums


def _where_known(
    fitted: Fitted, work: Standardised, matrix: jax.Array, units: jax.Array, seen: jax.Array
) -> Spread:
    """The spread, but inf and nan for what the data leave open or separate.

    Args:
        fitted: whose spread it is.
        work: its problem standardised.
        matrix: (p, p), the covariances over
        units: (p,) of both params.
        seen: (p,) bool, which params the data say anything of.
    """
    limits = jnp.finfo(matrix.dtype)
    settled = (fitted.status == SolverStatus.CONVERGED) | (fitted.status == SolverStatus.SINGULAR)
    shifts = jnp.abs(fitted.direction) * work.scales
    along = (fitted.status == SolverStatus.SEPARATED) & (
        shifts > jnp.sqrt(limits.eps) * shifts.max()
    )
    told, endless = settled & seen, settled & ~seen | along
    errors = units * jnp.sqrt(jnp.diagonal(matrix))
    errors = jnp.where(endless, jnp.inf, jnp.where(told, errors, jnp.nan))
    kept = told & ((errors == 0) | (errors**2 >= limits.tiny))
    covariances = jnp.where(kept & kept[:, None], matrix * units * units[:, None], jnp.nan)
    return Spread(errors, jnp.where(jnp.diag(endless), jnp.inf, covariances))
