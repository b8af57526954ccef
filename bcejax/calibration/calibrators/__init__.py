"""Fitted maps from scores to calibrated scores, each a frozen record."""

from bcejax.calibration.calibrators.affine import AffineScaling
from bcejax.calibration.calibrators.base import Calibrator, CalibratorStatus
from bcejax.calibration.calibrators.beta import BetaCalibration
from bcejax.calibration.calibrators.cross_fitting import cross_fitted_logits
from bcejax.calibration.calibrators.files import load_calibrator, save_calibrator
from bcejax.calibration.calibrators.histogram import HistogramBinning
from bcejax.calibration.calibrators.isotonic import CentredIsotonicCalibration, IsotonicCalibration
from bcejax.calibration.calibrators.mixture import UniformMixture
from bcejax.calibration.calibrators.platt import PlattScaling
from bcejax.calibration.calibrators.spline import SplineCalibration
from bcejax.calibration.calibrators.temperature import TemperatureScaling
from bcejax.calibration.calibrators.venn_abers import (
    CrossVennAbers,
    VennAbers,
    VennAbersInterval,
)

CALIBRATORS: dict[str, type[Calibrator]] = {
    "temperature": TemperatureScaling,
    "platt": PlattScaling,
    "affine": AffineScaling,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
    "centred_isotonic": CentredIsotonicCalibration,
    "histogram": HistogramBinning,
    "venn_abers": VennAbers,
    "spline": SplineCalibration,
}

__all__ = [
    "CALIBRATORS",
    "AffineScaling",
    "BetaCalibration",
    "Calibrator",
    "CalibratorStatus",
    "CentredIsotonicCalibration",
    "CrossVennAbers",
    "HistogramBinning",
    "IsotonicCalibration",
    "PlattScaling",
    "SplineCalibration",
    "TemperatureScaling",
    "UniformMixture",
    "VennAbers",
    "VennAbersInterval",
    "cross_fitted_logits",
    "load_calibrator",
    "save_calibrator",
]
