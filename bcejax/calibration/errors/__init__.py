"""Calibration errors: each is one number for how far probabilities are from what happened."""

from bcejax.calibration.errors.binned import expected_calibration_error
from bcejax.calibration.errors.cumulative import CumulativeErrors, cumulative_calibration_error
from bcejax.calibration.errors.debiased import debiased_squared_error
from bcejax.calibration.errors.kernel import kernel_calibration_error
from bcejax.calibration.errors.smooth import (
    SmoothCurve,
    smooth_calibration_error,
    smooth_reliability_curve,
)
from bcejax.calibration.errors.sweep import sweep_calibration_error

__all__ = [
    "CumulativeErrors",
    "SmoothCurve",
    "cumulative_calibration_error",
    "debiased_squared_error",
    "expected_calibration_error",
    "kernel_calibration_error",
    "smooth_calibration_error",
    "smooth_reliability_curve",
    "sweep_calibration_error",
]
