"""One record of everything: measured, drawn by chance, by group, and in words."""

from bcejax.calibration.reporting.findings import CalibrationReport, Finding, Recalibration
from bcejax.calibration.reporting.grouping import GroupFindings, calibration_by_group
from bcejax.calibration.reporting.report import calibration_report

__all__ = [
    "CalibrationReport",
    "Finding",
    "GroupFindings",
    "Recalibration",
    "calibration_by_group",
    "calibration_report",
]
