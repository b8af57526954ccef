"""Calibration errors: each is one number for how far probabilities are from what happened."""

from bcejax.calibration.errors.binned import expected_calibration_error

__all__ = ["expected_calibration_error"]
