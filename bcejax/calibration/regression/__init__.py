"""Calibration as clinical statistics asks for it: slope, intercept, smooth curve, tests."""

from bcejax.calibration.regression.curve import CalibrationCurveSummary, calibration_curve_summary
from bcejax.calibration.regression.groups import hosmer_lemeshow_test
from bcejax.calibration.regression.slope import (
    CalibrationRegression,
    Estimate,
    calibration_regression,
)
from bcejax.calibration.regression.spread import SpiegelhalterTest, spiegelhalter_test
from bcejax.numerics import ChiSquareTest

__all__ = [
    "CalibrationCurveSummary",
    "CalibrationRegression",
    "ChiSquareTest",
    "Estimate",
    "SpiegelhalterTest",
    "calibration_curve_summary",
    "calibration_regression",
    "hosmer_lemeshow_test",
    "spiegelhalter_test",
]
