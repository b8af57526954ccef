"""Fitted maps from scores to calibrated scores, each a frozen record."""

from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus

__all__ = ["Calibrator", "CalibratorStatus"]
