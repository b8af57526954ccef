"""How sure one can be: tests by simulation, bootstrap intervals, bands around curves."""

from bcejax.calibration.inference.bands import Band
from bcejax.calibration.inference.bootstrap import Interval, bootstrap_interval, interval_of
from bcejax.calibration.inference.consistency import consistency_band
from bcejax.calibration.inference.honest import confidence_band
from bcejax.calibration.inference.simulation import CalibrationTest, calibration_test

__all__ = [
    "Band",
    "CalibrationTest",
    "Interval",
    "bootstrap_interval",
    "calibration_test",
    "confidence_band",
    "consistency_band",
    "interval_of",
]
