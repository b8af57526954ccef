"""Slope, intercept and their tests against statsmodels, and where there is no slope."""

import jax
import numpy as np
import pytest

from bcejax.calibration.regression.slope import calibration_regression
from bcejax.solvers import SolverStatus

N = 60
I = np.arange(N)  # noqa: E741
LOGITS = 3 * np.sin(1.7 * I + 0.3) + 0.2 * np.cos(5 * I)
LABELS = np.float64(1 / (1 + np.exp(-0.7 * LOGITS - 0.4)) > (I * 0.6180339887498949) % 1)
# statsmodels 0.15.0, GLM with the binomial family, tol=1e-14: weights 1, and 1 + i % 3.  Intercept
# and slope, their errors, the ends of their intervals, calibration in the large and its error; then
# twice the differences of the log-likelihood
PEER = {
    "ones": (
        [0.40768839848314853, 0.7282134225363412, 0.33257327518857444, 0.17985387276313433,
         -0.24414324310698576, 1.059520040073283, 0.37570630944054856, 1.0807205356321339,
         0.523220970107189, 0.3706870937274136],
        [3.949948198315518, 1.9936463618371292, 1.9563018364783886],
    ),
    "copies": (
        [0.3377994175912143, 0.6610205201487522, 0.2255471456745895, 0.11973685914249751,
         -0.10426486474679014, 0.7798636999292188, 0.4263405886075116, 0.8957004516899929,
         0.44602080884627127, 0.26286394802079327],
        [9.535609115458698, 2.8843533444985496, 6.651255770960148],
    ),
}  # fmt: skip
WEIGHTS = {"ones": np.ones(N), "copies": 1.0 + I % 3}


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def numbers(fit):
    b, a, c = fit.intercept, fit.slope, fit.in_the_large
    return [
        b.value,
        a.value,
        b.error,
        a.error,
        b.lower,
        b.upper,
        a.lower,
        a.upper,
        c.value,
        c.error,
    ]


@pytest.mark.parametrize("case", PEER)
def test_they_are_those_of_statsmodels(case):
    fit = calibration_regression(LABELS, logits=LOGITS, weights=WEIGHTS[case])
    estimates, statistics = PEER[case]
    np.testing.assert_allclose(numbers(fit), estimates, rtol=1e-9)
    tests = fit.weak, fit.mean, fit.spread
    np.testing.assert_allclose([each.statistic for each in tests], statistics, rtol=1e-8)
    assert [int(each.degrees) for each in tests] == [2, 1, 1]
    np.testing.assert_allclose(fit.weak.p_value, np.exp(-statistics[0] / 2), rtol=1e-8)
    assert fit.status == SolverStatus.CONVERGED


def test_weak_is_the_sum_of_the_other_two():
    fit = calibration_regression(LABELS, logits=LOGITS)
    total = fit.mean.statistic + fit.spread.statistic
    np.testing.assert_allclose(fit.weak.statistic, total, rtol=1e-12)


def test_where_the_scores_tell_the_labels_apart():
    fit = calibration_regression(LOGITS > 0, logits=LOGITS)
    assert fit.status == SolverStatus.SEPARATED
    assert fit.slope.value > 10
    assert np.isnan([fit.slope.error, fit.slope.lower, fit.intercept.upper]).all()
    assert np.isfinite([fit.in_the_large.value, fit.in_the_large.error]).all()
    one_class = calibration_regression(np.ones(N), logits=LOGITS)
    assert one_class.status == SolverStatus.SEPARATED
    assert np.isnan(one_class.in_the_large.error)


def test_equal_scores_have_no_slope():
    fit = calibration_regression(LABELS, logits=np.full(N, 0.5))
    assert np.isnan([fit.slope.value, fit.slope.error, fit.intercept.value]).all()
    np.testing.assert_allclose(
        fit.in_the_large.value, np.log(LABELS.mean() / (1 - LABELS.mean())) - 0.5
    )


def test_certain_scores_are_left_out_and_refute_where_they_err():
    right = np.where(I == 0, np.inf, LOGITS), np.where(I == 0, 1, LABELS)
    without = calibration_regression(LABELS, logits=LOGITS, where=I > 0)
    fit = calibration_regression(right[1], logits=right[0])
    np.testing.assert_array_equal(numbers(fit), numbers(without))
    assert fit.weak.statistic == without.weak.statistic
    wrong = calibration_regression(1 - right[1], logits=right[0])
    assert (wrong.weak.statistic, wrong.mean.p_value) == (np.inf, 0)
    others = calibration_regression(1 - right[1], logits=right[0], where=I > 0)
    np.testing.assert_array_equal(wrong.spread, others.spread)  # of no model that says so


def test_bad_input():
    with pytest.raises(ValueError, match="confidence 95 does not lie between 0 and 1"):
        calibration_regression(LABELS, logits=LOGITS, confidence=95)
    with pytest.raises(ValueError, match="soft label"):
        calibration_regression([0.5, 1], probs=[0.5, 0.2])
