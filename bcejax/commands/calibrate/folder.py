"""The folder that ``bcejax calibrate`` leaves behind."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.calibration.calibrators import Calibrator, save_calibrator
from bcejax.calibration.reporting.findings import CalibrationReport, Finding, Recalibration
from bcejax.calibration.reporting.grouping import GroupFindings
from bcejax.calibration.threads import as_here
from bcejax.commands.calibrate.curves import Comparisons, Curves
from bcejax.commands.calibrate.figures import draw_comparisons, shown_name
from bcejax.commands.calibrate.pages import page_of_calibration
from bcejax.commands.calibrate.predictions import Predictions
from bcejax.commands.drawings import Figure
from bcejax.commands.findings import none_if_nan, rows_of
from bcejax.commands.folders import take_away, write_table, writing
from bcejax.commands.page import write_page
from bcejax.numerics import require

FILES = (
    *("report.html", "report.json", "table.csv", "calibrators.csv", "groups.csv"),
    *("calibrator.npz", "recalibrated.csv"),
)
OF_GROUPS = ("groups.csv", "groups.svg", "groups.png")


class Results(NamedTuple):
    """All that is written."""

    rows: Predictions
    report: CalibrationReport
    name: str  # of the calibrator
    calibrator: Calibrator
    unseen: jax.Array  # (n,) probabilities calibrated without their own fold
    groups: Mapping[str, GroupFindings]
    curves: Curves
    drawing: Future[list[Figure]]  # of the predictions
    compared: Comparisons
    asked: Mapping[str, Any]


def write_results(folder: Path, results: Results) -> None:
    """Write all files; those of an earlier run are written over, or taken away.

    Raises:
        ValueError: a file cannot be written.
    """
    report = results.report
    with writing(folder), ThreadPoolExecutor(1) as beside:
        rows = beside.submit(as_here(_write_rows), folder / "recalibrated.csv", results)
        write_table(folder / "table.csv", ("part", "name", *Finding._fields), rows_of(report))
        write_table(
            folder / "calibrators.csv",
            ("calibrator", *Recalibration._fields),
            ((name, *row) for name, row in report.recalibrations.items()),
        )
        take_away(folder, OF_GROUPS)
        if results.groups:
            write_table(
                folder / "groups.csv",
                ("group", *GroupFindings._fields),
                ((name, *row) for name, row in results.groups.items()),
            )
        as_json = report.as_dict() | {"calibrator": results.name}
        (folder / "report.json").write_text(json.dumps(as_json, indent=2) + "\n", encoding="utf-8")
        save_calibrator(results.calibrator, folder / "calibrator.npz")
        reliability, histogram = results.drawing.result()
        recalibration, *others = draw_comparisons(
            results.curves.binned, results.compared, results.name, folder
        )
        figures = [reliability, recalibration, histogram, *others]
        page = page_of_calibration(
            report, results.asked, results.name, figures, _columns(results.groups)
        )
        write_page(page, folder / "report.html")
        rows.result()  # fails as it does


def _columns(groups: Mapping[str, GroupFindings]) -> dict[str, Sequence[Any]]:
    """As the page shows them."""
    if not groups:
        return {}
    rows = ([none_if_nan(each) for each in row] for row in zip(*groups.values(), strict=True))
    names = {"group": [*map(shown_name, groups)]}
    return names | dict(zip(GroupFindings._fields, rows, strict=True))


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
