"""Floor 3: how well probabilities agree with what happened."""

from bcejax.calibration.binning import ReliabilityCurve, reliability_curve
from bcejax.calibration.errors import expected_calibration_error
from bcejax.calibration.isotonic import isotonic_regression

__all__ = [
    "ReliabilityCurve",
    "expected_calibration_error",
    "isotonic_regression",
    "reliability_curve",
]
