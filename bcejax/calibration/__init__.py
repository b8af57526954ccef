"""Floor 3: how well probabilities agree with what happened."""

from bcejax.calibration import state
from bcejax.calibration.binning import (
    ReliabilityCurve,
    reliability_curve,
)
from bcejax.calibration.calibrators import (
    CALIBRATORS,
    AffineScaling,
    BetaCalibration,
    Calibrator,
    CalibratorStatus,
    CentredIsotonicCalibration,
    CrossVennAbers,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    SplineCalibration,
    TemperatureScaling,
    UniformMixture,
    VennAbers,
    VennAbersInterval,
    load_calibrator,
    save_calibrator,
)
from bcejax.calibration.corp import (
    CorpDecomposition,
    corp_decomposition,
)
from bcejax.calibration.decomposition import (
    MurphyDecomposition,
    Refinement,
    murphy_decomposition,
    refinement,
)
from bcejax.calibration.errors import (
    CumulativeErrors,
    SmoothCurve,
    cumulative_calibration_error,
    debiased_squared_error,
    expected_calibration_error,
    kernel_calibration_error,
    smooth_calibration_error,
    smooth_reliability_curve,
    sweep_calibration_error,
)
from bcejax.calibration.findings import (
    CalibrationReport,
)
from bcejax.calibration.inference import (
    Band,
    CalibrationTest,
    Interval,
    bootstrap_interval,
    calibration_test,
    confidence_band,
    consistency_band,
)
from bcejax.calibration.isotonic import (
    isotonic_regression,
)
from bcejax.calibration.penalties import (
    laplacian_kernel_penalty,
    smooth_error_penalty,
    soft_binned_penalty,
)
from bcejax.calibration.regression import (
    CalibrationCurveSummary,
    CalibrationRegression,
    ChiSquareTest,
    Estimate,
    calibration_curve_summary,
    calibration_regression,
    hosmer_lemeshow_test,
    spiegelhalter_test,
)
from bcejax.calibration.report import (
    calibration_report,
)
from bcejax.calibration.scores import (
    accuracy,
    brier_score,
    log_score,
    roc_auc,
)

__all__ = [
    "CALIBRATORS",
    "AffineScaling",
    "Band",
    "BetaCalibration",
    "CalibrationCurveSummary",
    "CalibrationRegression",
    "CalibrationReport",
    "CalibrationTest",
    "Calibrator",
    "CalibratorStatus",
    "CentredIsotonicCalibration",
    "ChiSquareTest",
    "CorpDecomposition",
    "CrossVennAbers",
    "CumulativeErrors",
    "Estimate",
    "HistogramBinning",
    "Interval",
    "IsotonicCalibration",
    "MurphyDecomposition",
    "PlattScaling",
    "Refinement",
    "ReliabilityCurve",
    "SmoothCurve",
    "SplineCalibration",
    "TemperatureScaling",
    "UniformMixture",
    "VennAbers",
    "VennAbersInterval",
    "accuracy",
    "bootstrap_interval",
    "brier_score",
    "calibration_curve_summary",
    "calibration_regression",
    "calibration_report",
    "calibration_test",
    "confidence_band",
    "consistency_band",
    "corp_decomposition",
    "cumulative_calibration_error",
    "debiased_squared_error",
    "expected_calibration_error",
    "hosmer_lemeshow_test",
    "isotonic_regression",
    "kernel_calibration_error",
    "laplacian_kernel_penalty",
    "load_calibrator",
    "log_score",
    "murphy_decomposition",
    "refinement",
    "reliability_curve",
    "roc_auc",
    "save_calibrator",
    "smooth_calibration_error",
    "smooth_error_penalty",
    "smooth_reliability_curve",
    "soft_binned_penalty",
    "spiegelhalter_test",
    "state",
    "sweep_calibration_error",
]
