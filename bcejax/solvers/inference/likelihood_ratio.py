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

from bcejax.numerics import ChiSquareTest, chi_square_survival
from bcejax.solvers.engines.descent import descend, settled
from bcejax.solvers.engines.likelihood import Likelihood
from bcejax.solvers.engines.pseudoinverse import pseudo_invert
from bcejax.solvers.inference.fitted import EVALUATIONS, Fitted, as_fitted, evaluate, visible
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus


class InformationCriteria(NamedTuple):
    """How well a fit does for its degrees of freedom; numbers.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> fit = information_criteria(fit_logistic(x, y), x, y)
        >>> int(fit.degrees), fit.null_log_likelihood.round(3), fit.bic.round(3)
        (2, np.float64(-2.773), np.float64(7.468))
    """

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
    functions of the full ones. Of a separated fit the supremum of the likelihood is taken; then the
    law is further from chi-square than the degrees suggest.

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
        >>> x, y = np.array([[0.0, 0], [1, 0], [2, 1], [3, 1], [4, 0], [5, 1]]), [0, 1, 1, 0, 0, 1]
        >>> one, two = fit_logistic(x[:, :1], y), fit_logistic(x, y)
        >>> test = likelihood_ratio_test(two, one, x, x[:, :1], y)
        >>> round(float(test.statistic), 3), int(test.degrees), round(float(test.p_value), 3)
        (0.66, 1, 0.417)

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
    losses, k = _fit(fitted)
    loss, (null, perfect) = jnp.sum(losses), _null_loss(fitted)
    aic, bic = 2 * (k + loss), jnp.log(fitted.problem.total) * k + 2 * loss
    share = jnp.where(perfect, jnp.nan, 1 - loss / jnp.where(perfect, 1, null))
    return InformationCriteria(-loss, -null, k, aic, bic, share)


@jax.jit
def _compared(full: Fitted, reduced: Fitted) -> ChiSquareTest:
    (better, larger), (worse, smaller) = _fit(full), _fit(reduced)
    # by example, before the sums hide the difference
    gain = 2 * jnp.sum(worse - better)
    statistic = jnp.where(gain < 0, 0, gain)
    degrees = (larger - smaller).round().astype(jnp.int32)
    p_value = chi_square_survival(statistic, jnp.maximum(degrees, 1))
    return ChiSquareTest(statistic, degrees, jnp.where(degrees > 0, p_value, jnp.nan))


def _fit(fitted: Fitted) -> tuple[jax.Array, jax.Array]:
    """w l of each example, (n,), nan without an optimum to speak of; and k."""
    work, likelihood = fitted.standardised()
    params = fitted.outermost(work)
    lost = (fitted.status == SolverStatus.MAX_STEPS) | (fitted.status == SolverStatus.DIVERGED)
    losses = jnp.where(lost, jnp.nan, likelihood.losses(params))
    # far out, where labels are separated, nothing bends; the rank of the columns stays
    bends = likelihood.gram(likelihood.weights)
    separated = fitted.status == SolverStatus.SEPARATED
    information = jnp.where(separated, bends, likelihood.information(params))
    split = pseudo_invert(information + jnp.diag(likelihood.ridge))
    penalised = jnp.any(likelihood.ridge > 0)
    return losses, jnp.where(penalised, jnp.sum(split.inverse * information), split.rank)


def _null_loss(fitted: Fitted) -> tuple[jax.Array, jax.Array]:
    """The least sum of w l with intercept and offset alone, and whether nothing is left of it."""
    problem, total = fitted.problem, visible(fitted.problem.total)
    w, y, shrink = total * problem.weights, problem.labels, problem.total / total
    start = jnp.full(1, 0.0, w.dtype)
    null = Likelihood(jnp.ones((len(w), 1), w.dtype), y, w, problem.offset, 0 * start)
    if not problem.intercept:
        return shrink * jnp.sum(null.losses(start)), jnp.array(False)
    one_class = (w @ y == 0) | (w @ (1 - y) == 0)
    rest = descend(null.at, start, jnp.array([True]), null.reach, settled, EVALUATIONS)
    loss = shrink * (rest.point.value - rest.decrement / 2)
    return jnp.where(one_class, 0, loss), one_class
