r"""Calibration slope and intercept, calibration in the large, and the tests of Cox and Miller.

The labels are regressed on the logits x in three ways:

    free          log-odds  b + a x      a the calibration slope, b the intercept
    in the large  log-odds  c + x        c alone; the mean is right where c = 0
    null          log-odds  x            what the model says

a < 1 says that the scores are too extreme, c > 0 that they are too low in the mean.  c is not b:
b is the intercept where the slope is free as well.  Standard errors come from the inverse hessian,
intervals are Wald's, and twice the difference of the losses is chi-square under the null:

    null against free          2 degrees   weak calibration, a = 1 and b = 0
    null against in the large  1 degree    the mean is right
    in the large against free  1 degree    the slope is 1

Infinite logits are beyond any regression, and the fits go without them, as R's do.  One that is
wrong refutes what the model says with certainty: then the tests against the null are infinite.

References:
    D. R. Cox, Two further applications of a model for binary regression (1958).
    M. E. Miller, C. D. Langefeld, W. M. Tierney, S. L. Hui and C. J. McDonald, Validation of
    probabilistic predictions (1993).
    B. Van Calster et al., Calibration: the Achilles heel of predictive analytics (2019).
"""

import functools
from statistics import NormalDist
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.affine import intercept_and_slope
from bcejax.calibration.calibrators.fits import finite_logits, free_fit
from bcejax.calibration.examples import Examples, as_examples
from bcejax.losses import bce_with_logits
from bcejax.numerics import ChiSquareTest, bernoulli_variance, chi_square_survival
from bcejax.numerics.options import check_confidence
from bcejax.solvers import SolverStatus, invert_semidefinite, minimise_bce


class Estimate(NamedTuple):
    """A number with its standard error and Wald interval.

    Example:
        >>> slope = calibration_regression([0, 1, 0, 1, 1], probs=[0.1, 0.3, 0.6, 0.7, 0.8]).slope
        >>> f"{slope.value:.2f} +- {slope.error:.2f}: from {slope.lower:.2f} to {slope.upper:.2f}"
        '0.93 +- 0.90: from -0.82 to 2.69'
    """

    value: jax.Array
    error: jax.Array
    lower: jax.Array
    upper: jax.Array

    @property
    def settled(self) -> jax.Array:
        """The value; nan where it has no error, for a fit without an optimum stops anywhere."""
        return jnp.where(jnp.isnan(self.error), jnp.nan, self.value)


class CalibrationRegression(NamedTuple):
    """How the labels follow the logits.

    Example:
        >>> fit = calibration_regression([0, 1, 0, 1, 1], probs=[0.1, 0.3, 0.6, 0.7, 0.8])
        >>> bool(fit.slope.lower < 1 < fit.slope.upper)
        True
        >>> round(float(fit.weak.p_value), 2), int(fit.weak.degrees)
        (0.87, 2)
    """

    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate  # the intercept where the slope is 1
    weak: ChiSquareTest  # slope 1 and intercept 0
    mean: ChiSquareTest  # in_the_large 0
    spread: ChiSquareTest  # slope 1, whatever the intercept
    status: jax.Array  # int32 of SolverStatus, the worse of the two fits


def calibration_regression(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    confidence: float = 0.95,
) -> CalibrationRegression:
    """Slope, intercept and calibration in the large, with intervals and likelihood-ratio tests.

    Works under jit and vmap, and is differentiable; confidence is static.

    Args:
        labels: 0 or 1, any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how many copies of each example there are, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        confidence: of the intervals.

    Returns:
        A ``CalibrationRegression``. Where a fit has no optimum (the scores tell the labels apart,
        one class) its status is SEPARATED, its value large, its error and interval nan; where all
        finite logits are equal the slope and intercept are nan.

    Raises:
        TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``; or confidence does
            not lie between 0 and 1.

    Accuracy: values and errors 1e-9 of statsmodels 0.15, statistics 1e-8, in float64
    (tests/calibration/regression/test_slope.py).

    Example:
        >>> fit = calibration_regression([0, 1, 0, 1, 1], probs=[0.1, 0.3, 0.6, 0.7, 0.8])
        >>> round(float(fit.slope.value), 3), round(float(fit.in_the_large.value), 3)
        (0.934, 0.567)
    """
    check_confidence(confidence)
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    # the fit of affine scaling, by its program
    params, status, *_ = free_fit(examples, intercept_and_slope, examples.labels)
    return _regression(examples, params, status, confidence)


@functools.partial(jax.jit, static_argnames="confidence")
def _regression(
    examples: Examples, params: tuple[jax.Array, ...], status: jax.Array, confidence: float
) -> CalibrationRegression:
    (x, w), y, free = finite_logits(examples), examples.labels, jnp.stack(params)
    finite = jnp.isfinite(examples.log_odds())
    shift = minimise_bce([1.0], y, weights=w, offset=x)

    bends = w * bernoulli_variance(free[0] + free[1] * x)
    h, i, j = (jnp.sum(bends * each) for each in (1, x, x**2))
    hessian = jnp.stack([h, i, i, j]).reshape(2, 2)
    intercept, slope = _estimates(free, hessian, status, confidence)
    (in_the_large,) = _estimates(shift.params, shift.hessian, shift.status, confidence)
    refuted = jnp.any((examples.weights > 0) & ~finite & (examples.residuals() != 0))
    levels = [x, x + shift.params[0], free[0] + free[1] * x]
    null, moved, fitted = (bce_with_logits(level, y) for level in levels)

    def gain(worse: jax.Array, better: jax.Array) -> jax.Array:
        # by example, before the sums hide the difference
        return jnp.maximum(2 * jnp.sum(w * (worse - better)), 0)

    gains = jnp.stack([gain(null, fitted), gain(null, moved), gain(moved, fitted)])
    endless = refuted & (jnp.arange(3) < 2)  # the tests against the null
    statistics = jnp.where(endless, jnp.inf, gains + 0 * jnp.sum(examples.weights))
    degrees = jnp.array([2, 1, 1], jnp.int32)
    columns = (statistics, degrees, chi_square_survival(statistics, degrees))
    weak, mean, spread = (ChiSquareTest(*each) for each in zip(*columns, strict=True))
    return CalibrationRegression(
        slope,
        intercept,
        in_the_large,
        weak,
        mean,
        spread,
        jnp.maximum(status, shift.status),
    )


def _estimates(
    params: jax.Array, hessian: jax.Array, status: jax.Array, confidence: float
) -> list[Estimate]:
    """Of each param; nan for what the data do not determine."""
    covariance, independent = invert_semidefinite(hessian)
    values = jnp.where(jnp.all(independent), params, jnp.nan)
    settled = jnp.all(independent) & (status == SolverStatus.CONVERGED)
    errors = jnp.where(settled, jnp.sqrt(jnp.diagonal(covariance)), jnp.nan)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * errors
    columns = (values, errors, values - reach, values + reach)
    return [Estimate(*each) for each in zip(*columns, strict=True)]
