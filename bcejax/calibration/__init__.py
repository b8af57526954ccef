"""Floor 3: how well probabilities agree with what happened."""

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
    murphy_decomposition,
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
    "CalibrationTest",
    "Calibrator",
    "CalibratorStatus",
    "CentredIsotonicCalibration",
    "CorpDecomposition",
    "CrossVennAbers",
    "CumulativeErrors",
    "HistogramBinning",
    "Interval",
    "IsotonicCalibration",
    "MurphyDecomposition",
    "PlattScaling",
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
    "calibration_test",
    "confidence_band",
    "consistency_band",
    "corp_decomposition",
    "cumulative_calibration_error",
    "debiased_squared_error",
    "expected_calibration_error",
    "isotonic_regression",
    "kernel_calibration_error",
    "load_calibrator",
    "log_score",
    "murphy_decomposition",
    "reliability_curve",
    "roc_auc",
    "save_calibrator",
    "smooth_calibration_error",
    "smooth_reliability_curve",
    "sweep_calibration_error",
]
