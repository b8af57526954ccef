"""The folder that ``bcejax calibrate`` leaves behind."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.calibration.calibrators import Calibrator, save_calibrator
from bcejax.calibration.reporting.findings import CalibrationReport, Finding, Recalibration
from bcejax.calibration.reporting.grouping import GroupFindings
from bcejax.commands.calibrate.curves import Curves
from bcejax.commands.calibrate.figures import draw_figures
from bcejax.commands.calibrate.pages import page_of_calibration
from bcejax.commands.calibrate.predictions import Predictions
from bcejax.commands.page import write_page
from bcejax.numerics import require

FILES = (
    *("report.html", "report.json", "table.csv", "calibrators.csv", "groups.csv"),
    *("calibrator.npz", "recalibrated.csv"),
)


class Results(NamedTuple):
    """All that is written."""

    rows: Predictions
    report: CalibrationReport
    name: str  # of the calibrator
    calibrator: Calibrator
    unseen: jax.Array  # (n,) probabilities calibrated without their own fold
    groups: Mapping[str, GroupFindings]
    curves: Curves
    asked: Mapping[str, Any]


def check_folder(folder: Path, predictions: Path) -> None:
    """Make the folder, before any work is done for it.

    Raises:
        ValueError: it cannot be made, or the predictions are a file that would be written over.
    """
    if predictions.resolve() in {(folder / name).resolve() for name in FILES}:
        raise ValueError(f"{predictions} would be written over: take another --out than {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out {folder} cannot be a folder: {error.strerror}") from None


def write_results(folder: Path, results: Results) -> None:
    """Write all files; those of an earlier run are written over.

    Raises:
        ValueError: a file cannot be written.
    """
    report = results.report
    try:
        _write_table(folder / "table.csv", ("part", "name", *Finding._fields), _rows(report))
        _write_table(
            folder / "calibrators.csv",
            ("calibrator", *Recalibration._fields),
            ((name, *row) for name, row in report.recalibrations.items()),
        )
        if results.groups:
            _write_table(
                folder / "groups.csv",
                ("group", *GroupFindings._fields),
                ((name, *row) for name, row in results.groups.items()),
            )
        as_json = report.as_dict() | {"calibrator": results.name}
        (folder / "report.json").write_text(json.dumps(as_json, indent=2) + "\n", encoding="utf-8")
        save_calibrator(results.calibrator, folder / "calibrator.npz")
        _write_rows(folder / "recalibrated.csv", results)
        figures = draw_figures(results.curves, results.name, folder)
        page = page_of_calibration(
            report, results.asked, results.name, figures, _columns(results.groups)
        )
        write_page(page, folder / "report.html")
    except OSError as error:
        raise ValueError(
            f"{error.filename or folder} cannot be written: {error.strerror}"
        ) from None


def _rows(report: CalibrationReport) -> Iterable[tuple[Any, ...]]:
    for part, estimates in report.parts.items():
        yield from ((part, name, *each) for name, each in estimates.items())


def _columns(groups: Mapping[str, GroupFindings]) -> dict[str, Sequence[Any]]:
    if not groups:
        return {}
    fields = zip(*groups.values(), strict=True)
    return {"group": list(groups)} | dict(
        zip(GroupFindings._fields, map(list, fields), strict=True)
    )


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_rows(path: Path, results: Results) -> None:
    """Every row in its order, with its probability from the calibrator that was fitted to all."""
    arrow = require("pyarrow", extra="cli", purpose="writing predictions")
    arrow_csv = require("pyarrow.csv", extra="cli", purpose="writing predictions")
    rows = results.rows
    columns = {
        "label": rows.labels.astype(np.int8),
        "prob": rows.probs,
        "logit": rows.logits,
        "weight": rows.weights,
        "group": rows.groups,
        "calibrated_prob": np.asarray(results.calibrator.probs(**rows.scores)),
        "cross_fitted_prob": np.asarray(results.unseen),
    }
    table = arrow.table({name: each for name, each in columns.items() if each is not None})
    arrow_csv.write_csv(table, path)
