"""The folder that ``bcejax fit`` leaves behind."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bcejax.calibration.reporting.findings import Finding
from bcejax.commands.findings import rows_of
from bcejax.commands.fit.figures import FIGURES, draw_figures
from bcejax.commands.fit.pages import facts_of, none_if_endless, page_of_fit
from bcejax.commands.fit.results import HeldOut, Results
from bcejax.commands.folders import take_away, write_table, writing
from bcejax.commands.model_file import save_model
from bcejax.commands.page import write_page

FILES = (
    *("report.html", "report.json", "table.csv", "penalties.csv", "calibration.csv"),
    *("held_out.csv", "model.npz"),
    *(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
)


def write_results(folder: Path, results: Results) -> None:
    """Write all files; none of an earlier run stays, for it would be of another model.

    Raises:
        ValueError: a file cannot be written.
    """
    with writing(folder):
        take_away(folder, FILES)
        save_model(results.model, folder / "model.npz")
        _write_columns(folder / "table.csv", results.table)
        if results.search is not None:
            _write_columns(folder / "penalties.csv", results.search._asdict())
        if results.held is not None:
            _write_held_out(folder, results.held)
        (folder / "report.json").write_text(_as_json(results), encoding="utf-8")
        write_page(page_of_fit(results, draw_figures(results, folder)), folder / "report.html")


def _write_held_out(folder: Path, held: HeldOut) -> None:
    header = ("part", "name", *Finding._fields)
    write_table(folder / "calibration.csv", header, rows_of(held.report))
    named = {"row": held.rows, "label": held.labels, "weight": held.weights}
    columns = named | {"logit": held.logits, "prob": held.probs}
    there = {name: each for name, each in columns.items() if each is not None}
    _write_columns(folder / "held_out.csv", there)


def _write_columns(path: Path, columns: Any) -> None:
    values = (np.asarray(each).tolist() for each in columns.values())
    write_table(path, list(columns), zip(*values, strict=True))


def _as_json(results: Results) -> str:
    model = results.model
    values = map(none_if_endless, model.coefficients)
    found = facts_of(results) | {
        "coefficients": dict(zip(model.features, values, strict=True)),
        "intercept": none_if_endless(model.intercept),
        "held_out": results.held and results.held.report.as_dict(),
    }
    return json.dumps(found, indent=2) + "\n"
