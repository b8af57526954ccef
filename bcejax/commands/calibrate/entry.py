"""``bcejax calibrate``: is a model calibrated, and what would make it so?

Reads labels and probabilities (or logits) from a CSV or Parquet file and writes into a folder:
report.html; table.csv and report.json, the numbers; reliability, recalibration and histogram as
SVG and PNG; calibrator.npz, a fitted calibrator that load_calibrator reads; recalibrated.csv, each
row with its calibrated probability; groups.csv, if there are groups.

The exit status is 0 where all is written, 2 where the flags or the file are not in order.
"""

import math
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from rich.console import Console

from bcejax.calibration.calibrators import CALIBRATORS, Calibrator
from bcejax.calibration.calibrators.base import probs_of
from bcejax.calibration.calibrators.cross_fitting import cross_fitted_logits
from bcejax.calibration.reporting.findings import CalibrationReport
from bcejax.calibration.reporting.grouping import calibration_by_group
from bcejax.calibration.reporting.report import CONTESTANTS, Progress
from bcejax.calibration.threads import as_here
from bcejax.commands.calibrate.curves import trace_comparisons, trace_curves
from bcejax.commands.calibrate.figures import draw_predictions
from bcejax.commands.calibrate.folder import FILES, Results, write_results
from bcejax.commands.calibrate.predictions import Predictions, read_predictions
from bcejax.commands.flags import asked_of, check_seed, parse_flags
from bcejax.commands.folders import folder_for
from bcejax.commands.judging import FEWEST, judge
from bcejax.commands.stages import Stages
from bcejax.plots import house_style


@dataclass(frozen=True)
class Flags:
    """Of calibrate."""

    predictions: Path
    """A .csv, .csv.gz or .parquet file with a row for each prediction."""
    label: str = "label"
    """Its column of labels: 0 or 1, true or false."""
    prob: str | None = None
    """Its column of probabilities of label 1; or"""
    logit: str | None = None
    """its column of logits."""
    weight: str | None = None
    """Its column of weights: how much each row counts."""
    group: str | None = None
    """Its column of groups, each judged by itself too."""
    calibrator: str = "auto"
    """Which to fit: auto takes the best on rows it has not seen."""
    resamples: int | None = None
    """Draws of the bootstrap and of the simulation; 1000, but fewer for more than 40,000 rows."""
    seed: int = 0
    """Of all draws."""
    out: Path = Path("calibration")
    """The folder to write into; it is made where there is none."""


def main(args: Sequence[str]) -> int:
    """Read, measure, draw, write; the exit status."""
    flags = _read_flags(args)
    with house_style():
        pass  # where matplotlib is missing, say so before any work is done
    stages = Stages(Console(stderr=True))
    with (
        folder_for(flags.out, flags.predictions, FILES),
        jax.enable_x64(True),
        ThreadPoolExecutor(1) as beside,
    ):
        results = _measure(flags, stages, beside)
        with stages.stage("wrote", str(flags.out)):
            write_results(flags.out, results)
    Console().print(results.report)
    print(f"report: {flags.out / 'report.html'}", file=sys.stderr)
    return 0


def _read_flags(args: Sequence[str]) -> Flags:
    flags = parse_flags(Flags, args, command="calibrate", description=__doc__)
    if flags.calibrator not in ("auto", *CALIBRATORS):
        known = ", ".join(CALIBRATORS)
        raise ValueError(f"calibrator {flags.calibrator!r} is not auto or one of {known}")
    if flags.resamples is not None and flags.resamples < 0:
        raise ValueError(f"resamples is {flags.resamples}; it must be 0 or more")
    check_seed(flags.seed)
    return flags


def _measure(flags: Flags, stages: Stages, beside: Executor) -> Results:
    """Everything that is written, computed in float64; the last figures may still be drawn."""
    key = jax.random.key(flags.seed)
    with stages.stage("read", str(flags.predictions)):
        rows = read_predictions(
            flags.predictions,
            label=flags.label,
            prob=flags.prob,
            logit=flags.logit,
            weight=flags.weight,
            group=flags.group,
        )
        if (n := rows.labels.size) < FEWEST:
            raise ValueError(f"{flags.predictions}: {n} rows are too few; {FEWEST} can be judged")
    tracing = beside.submit(as_here(trace_curves), rows, key)
    with stages.stage("measured", f"{rows.labels.size} rows") as say:
        report = _report(rows, flags, key, say)
    drawing = beside.submit(as_here(lambda: draw_predictions(tracing.result(), report, flags.out)))
    name = choose(report) if flags.calibrator == "auto" else flags.calibrator
    with stages.stage("fitted", name):
        calibrator, logits = fit_calibrator(name, rows, key)
        unseen = {"logits": logits, "probs": probs_of(logits)}
    groups = {}
    if rows.groups is not None:
        with stages.stage("measured", f"groups by {flags.group}"):
            groups = calibration_by_group(rows.labels, rows.groups, **rows.given)
    with stages.stage("traced", "curves"):
        compared = trace_comparisons(rows, unseen, list(groups))
    return Results(
        rows,
        report,
        name,
        calibrator,
        unseen["probs"],
        groups,
        tracing.result(),
        drawing,
        compared,
        asked_of(flags),
    )


def fit_calibrator(name: str, rows: Predictions, key: jax.Array) -> tuple[Calibrator, jax.Array]:
    """The calibrator of all rows, and what those fitted without a fold make of its logits.

    Raises:
        ValueError: scores that are not certain are too few to fit it to.
    """
    kind = CALIBRATORS[name]
    logits = cross_fitted_logits(kind, rows.labels, **rows.given, key=key)
    if np.isnan(logits).any():
        raise ValueError(
            f"{name} is fitted to probabilities other than 0 and 1, and here are too few:"
            " take --calibrator isotonic"
        )
    return kind.fit(rows.labels, **rows.given), logits


def _report(rows: Predictions, flags: Flags, key: jax.Array, say: Progress) -> CalibrationReport:
    others = () if flags.calibrator in ("auto", *CONTESTANTS) else (flags.calibrator,)
    return judge(
        rows.labels,
        **rows.given,
        key=key,
        resamples=flags.resamples,
        calibrators=(*CONTESTANTS, *others),
        progress=say,
    )


def choose(report: CalibrationReport) -> str:
    """The calibrator of least cross-fitted log score.

    Example:
        >>> from bcejax.calibration.reporting.findings import Recalibration
        >>> rows = {name: Recalibration(score, 0.2, 0.0, 0.1) for name, score in
        ...         (("none", 0.5), ("beta", 0.7), ("platt", 0.6))}
        >>> choose(CalibrationReport(9, "probs", 0.95, 0, {}, {}, {}, {}, rows, "none"))
        'platt'
    """
    fitted = {name: row for name, row in report.recalibrations.items() if name != "none"}
    scores = {name: row.log_score for name, row in fitted.items()}
    return min(scores, key=lambda name: (math.isnan(scores[name]), scores[name]))
