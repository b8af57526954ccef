r"""Likelihood-ratio tests and information criteria.

With log-likelihood L = -sum_i w_i l(x_i, y_i) at the fitted params and k degrees of freedom,

    statistic = 2 (L_full - L_reduced)      chi-square with k_full - k_reduced degrees if the
                                            reduced model holds
    AIC = 2 k - 2 L,     BIC = k log W - 2 L,     McFadden's R2 = 1 - L / L_null

where the null model has the intercept (and the offset) alone, W = sum w, and k = trace of
A^-1 I (information.py): the rank of the columns without a penalty, less with one.

Sources: S. S. Wilks, The large-sample distribution of the likelihood ratio for testing composite
hypotheses (1938); H. Akaike, A new look at the statistical model identification (1974); G. Schwarz,
Estimating the dimension of a model (1978); D. McFadden, Conditional logit analysis of qualitative
choice behavior (1974); T. Hastie and R. Tibshirani, Generalized additive models (1990), for k.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses import bce_with_logits
from bcejax.numerics import ChiSquareTest, chi_square_survival
from bcejax.solvers.inference.fitted import Fitted, as_fitted, evaluate
from bcejax.solvers.newton import minimise_bce
from bcejax.solvers.pseudoinverse import pseudo_invert
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus


class InformationCriteria(NamedTuple):
    """How well a fit does for its degrees of freedom; numbers."""

    log_likelihood: jax.Array | np.ndarray  # L
    null_log_likelihood: jax.Array | np.ndarray  # L_null
    degrees: jax.Array | np.ndarray  # k, the intercept counted
    aic: jax.Array | np.ndarray
    bic: jax.Array | np.ndarray
    mcfadden: jax.Array | np.ndarray


def likelihood_ratio_test(
    full: Solution,
    reduced: Solution,
    inputs: Any,
    reduced_inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    intercept: bool = True,
    reduced_intercept: bool | None = None,
) -> ChiSquareTest:
    """Whether the columns that the reduced fit lacks tell anything about the labels.

    Both fits are to be without a penalty, of the same examples, and the reduced columns linear
    functions of the full ones. A statistic of a separated full fit is right, as the supremum it
    comes from is approached; its law is not chi-square.

    Args:
        full: of ``fit_logistic``.
        reduced: likewise.
        inputs: (n, d), of the full fit.
        reduced_inputs: (n, d'), of the reduced fit; d' = 0 is taken.
        labels: (n,).
        weights: (n,), how many copies of each example there are.
        where: (n,) bool.
        offset: (n,).
        intercept: whether the full fit has one.
        reduced_intercept: whether the reduced fit has one; None is as the full.

    Returns:
        A ``ChiSquareTest``; its degrees are the difference of the ranks, and with 0 of them the
        p-value is nan, as with a fit that did not converge.

    Raises:
        TypeError, ValueError: as ``fit_logistic``; or a solution has other columns.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = np.array([[0.0, 1], [1, 0], [2, 1], [3, 1], [4, 0]]), [0, 1, 0, 1, 1]
        >>> one, two = fit_logistic(x[:, :1], y), fit_logistic(x, y)
        >>> test = likelihood_ratio_test(two, one, x, x[:, :1], y)
        >>> round(float(test.statistic), 3), int(test.degrees), round(float(test.p_value), 3)
        (1.638, 1, 0.201)

    Accuracy: 1e-8 of statsmodels 0.15, float64 (tests/solvers/inference/test_likelihood_ratio.py).
    """
    reduced_intercept = intercept if reduced_intercept is None else reduced_intercept
    options: dict[str, Any] = {"weights": weights, "where": where, "offset": offset, "l2": 0.0}
    if isinstance(full.coefficients, jax.Array) or isinstance(reduced.coefficients, jax.Array):
        labels = jnp.asarray(labels)
    larger = as_fitted(full, inputs, labels, intercept=intercept, **options)
    smaller = as_fitted(reduced, reduced_inputs, labels, intercept=reduced_intercept, **options)
    return evaluate(_compared, larger, smaller)


def information_criteria(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: ArrayLike = 0.0,
    intercept: bool = True,
) -> InformationCriteria:
    """Log-likelihood, AIC, BIC and McFadden's R2 of a fit.

    Args:
        solution: of ``fit_logistic``, without an l1 penalty.
        inputs: (n, d), those of the fit, as are all that follow.
        labels: (n,).
        weights: (n,), how many copies of each example there are: BIC depends on their sum.
        where: (n,) bool.
        offset: (n,).
        l2: the ridge penalty of the fit.
        intercept: whether one was fitted; if not, the null model is the offset alone.

    Returns:
        ``InformationCriteria``; the log-likelihood is that of the params, penalties left out.

    Raises:
        TypeError, ValueError: as ``fit_logistic``; or the solution has other columns.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> fit = information_criteria(fit_logistic(x, y), x, y)
        >>> [round(float(each), 3) for each in (fit.log_likelihood, fit.aic, fit.mcfadden)]
        [-2.347, 8.695, 0.153]

    Accuracy: 1e-10 of statsmodels 0.15, float64 (tests/solvers/inference/test_likelihood_ratio.py).
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
    return evaluate(criteria_of, fitted)


@jax.jit
def criteria_of(fitted: Fitted) -> InformationCriteria:
    """``information_criteria`` of what came."""
    likelihood = -jnp.sum(_losses(fitted))
    null = -_null_loss(fitted)
    k, rows = _degrees(fitted), fitted.total
    aic, bic = 2 * k - 2 * likelihood, jnp.log(rows) * k - 2 * likelihood
    return InformationCriteria(likelihood, null, k, aic, bic, 1 - likelihood / null)


@jax.jit
def _compared(full: Fitted, reduced: Fitted) -> ChiSquareTest:
    # by example, before the sums hide the difference
    gain = 2 * jnp.sum(_losses(reduced) - _losses(full))
    statistic = jnp.maximum(gain, 0) + 0 * gain
    degrees = (_degrees(full) - _degrees(reduced)).round().astype(jnp.int32)
    usable = (full.status != SolverStatus.MAX_STEPS) & (reduced.status != SolverStatus.MAX_STEPS)
    p_value = chi_square_survival(statistic, jnp.maximum(degrees, 1))
    p_value = jnp.where(usable & (degrees > 0), p_value, jnp.nan)
    return ChiSquareTest(statistic, degrees, p_value)


def _losses(fitted: Fitted) -> jax.Array:
    """w l of each example, (n,)."""
    problem = fitted.problem
    losses = bce_with_logits(problem.logits(fitted.params), problem.labels)
    return fitted.total * problem.weights * losses


def _null_loss(fitted: Fitted) -> jax.Array:
    """The least sum of w l with the intercept and the offset alone."""
    problem = fitted.problem
    weights = fitted.total * problem.weights
    if not problem.intercept:
        return weights @ bce_with_logits(problem.offset, problem.labels)
    return minimise_bce([1.0], problem.labels, weights=weights, offset=problem.offset).value


def _degrees(fitted: Fitted) -> jax.Array:
    """k."""
    work, likelihood = fitted.standardised()
    # far out, where labels are separated, the information sees nothing; the columns' rank stays
    unbent = likelihood.gram(likelihood.weights)
    separated = fitted.status == SolverStatus.SEPARATED
    information = jnp.where(separated, unbent, likelihood.information(work.inward(fitted.params)))
    split = pseudo_invert(information + jnp.diag(likelihood.ridge))
    return jnp.where(
        jnp.any(likelihood.ridge > 0), jnp.sum(split.inverse * information), split.rank
    )
