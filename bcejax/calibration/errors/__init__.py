"""Calibration errors: each is one number for how far probabilities are from what happened."""

from bcejax.calibration.errors.binned import expected_calibration_error
from bcejax.calibration.errors.debiased import debiased_squared_error
from bcejax.calibration.errors.sweep import sweep_calibration_error

__all__ = ["debiased_squared_error", "expected_calibration_error", "sweep_calibration_error"]
