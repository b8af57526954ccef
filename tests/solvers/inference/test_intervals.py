"""Wald intervals against statsmodels, and the normal quantile."""

import numpy as np
import pytest
from scipy.stats import norm
from solvers.inference import pima

from bcejax.solvers import fit_logistic
from bcejax.solvers.inference import wald_intervals
from bcejax.solvers.inference.intervals import normal_quantile

# statsmodels 0.15.0
ENDS = [
    (0.02598741408793539, 0.03903589300392609),
    (0.05507956510178928, 0.10809959889491659),
    (0.01519800739810609, 0.04511595448166039),
    (-9.699209902624668, -7.088276177945135),
]


def test_they_are_those_of_statsmodels():
    fit = fit_logistic(pima.X, pima.Y, tol=1e-12)
    ends = np.stack(wald_intervals(fit, pima.X, pima.Y), axis=1)
    np.testing.assert_allclose(ends, ENDS, rtol=1e-8)


def test_options_reach_the_covariance():
    fit = fit_logistic(pima.X, pima.Y, intercept=False)
    options = {"kind": "sandwich", "intercept": False, "confidence": 0.5}
    ends = wald_intervals(fit, pima.X, pima.Y, **options)
    assert ends.lower.shape == (3,)
    assert np.all(ends.lower < fit.coefficients)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.95, 1 - 1e-9])
def test_the_quantile_is_scipys(confidence):
    wanted = norm.isf((1 - confidence) / 2)
    np.testing.assert_allclose(normal_quantile(confidence), wanted, rtol=1e-6)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.5])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    with pytest.raises(ValueError, match=f"confidence {confidence} does not lie between 0 and 1"):
        normal_quantile(confidence)
