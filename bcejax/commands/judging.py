"""The report of calibration that a command makes, in about the time that a person waits."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from bcejax.calibration.reporting.findings import CalibrationReport
from bcejax.calibration.reporting.report import Progress, calibration_report

FEWEST = 5  # rows that are judged
WORK = 4 * 10**7  # rows times draws that are made by default, of 40 to 1000 draws


def judge(
    labels: np.ndarray,
    *,
    key: jax.Array,
    resamples: int | None,
    calibrators: Sequence[str],
    progress: Progress,
    **given: Any,
) -> CalibrationReport:
    """``calibration_report`` of scores, with fewer draws for many rows where none are asked for.

    Args:
        labels: (n,) 0 or 1.
        key: of the draws.
        resamples: how many draws; None chooses, and the report notes if they are few.
        calibrators: to compare.
        progress: told how far it has come.
        given: scores and weights.
    """
    usual = min(1000, max(40, WORK // labels.size))
    draws = usual if resamples is None else resamples
    report = calibration_report(
        labels, **given, key=key, n_resamples=draws, calibrators=calibrators, progress=progress
    )
    few = (
        f"{draws} draws, for there are many rows: no p-value can be below {1 / (1 + draws):.2g};"
        " --resamples 1000 lets them, and makes intervals smoother."
    )
    cut = resamples is None and draws < 1000
    return report._replace(notes=(*report.notes, few)) if cut else report
