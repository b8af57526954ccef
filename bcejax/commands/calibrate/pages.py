"""The page of a calibration: what was found, the figures, the tables, how to use the calibrator."""

from collections.abc import Mapping, Sequence
from typing import Any

from bcejax.calibration.reporting.findings import CalibrationReport
from bcejax.commands.drawings import Figure, drawing_of, links_to
from bcejax.commands.findings import FOUR_DIGITS, answer, grids, none_if_nan
from bcejax.commands.page import (
    Block,
    Facts,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
)

USE = """import jax
from bcejax.calibration.calibrators import load_calibrator

jax.config.update("jax_enable_x64", True)  # the calibrator holds float64 numbers
calibrator = load_calibrator("calibrator.npz")
calibrator.probs(probs=probs)      # or logits=logits: calibrated probabilities
calibrator(logits)                 # calibrated logits"""


def page_of_calibration(
    report: CalibrationReport,
    circumstances: Mapping[str, Any],
    calibrator: str,
    figures: Sequence[Figure],
    groups: Mapping[str, Sequence[Any]],
) -> Page:
    """The page of one run of the command.

    Args:
        report: what was found.
        circumstances: what was asked: file, columns, seed.
        calibrator: the name of the one that was written.
        figures: in the order of the page.
        groups: the table by group, column by column; empty for none.
    """
    sections = [
        Section("Is it calibrated?", "findings", (*answer(report), *map(drawing_of, figures[:1]))),
        Section(
            "In numbers", "numbers", tuple(grids(report, links_to("table.csv", "report.json")))
        ),
        Section(
            "Recalibration",
            "recalibration",
            (*_recalibrations(report, calibrator), *map(drawing_of, figures[1:3])),
        ),
    ]
    if groups:
        grid = make_grid(
            "By group; p_value is that of Kuiper's statistic.",
            groups,
            formats=_formats(groups),
            rows=100,
            links=links_to("groups.csv"),
        )
        sections.append(Section("Groups", "groups", (grid, *map(drawing_of, figures[3:]))))
    sections.append(Section("Circumstances", "circumstances", (Facts("Run", circumstances),)))
    return Page("Calibration", (report.title,), tuple(sections))


def _recalibrations(report: CalibrationReport, calibrator: str) -> list[Block]:
    rows = report.recalibrations
    words = ("log_score", "brier_score", "gain", "gain_error")
    columns: dict[str, Sequence[Any]] = {"calibrator": list(rows)}
    columns |= {word: [none_if_nan(getattr(row, word)) for row in rows.values()] for word in words}
    caption = "Cross-fitted scores; gain is the fall of the log score, with its standard error."
    grid = make_grid(caption, columns, formats=dict.fromkeys(words, FOUR_DIGITS))
    return [Paragraph(choice(report, calibrator), "answer"), grid, Listing(USE)]


def choice(report: CalibrationReport, calibrator: str) -> str:
    """Why this calibrator was written."""
    if report.best == "none":
        others = [row.log_score for name, row in report.recalibrations.items() if name != "none"]
        nearest = not any(score < report.recalibrations[calibrator].log_score for score in others)
        here = "comes nearest and is in calibrator.npz" if nearest else "is there, as asked"
        return f"No calibrator gains on examples it has not seen; {calibrator} {here}."
    if report.best == calibrator:
        return f"{calibrator} has the least cross-fitted log score and is in calibrator.npz."
    return f"{calibrator} is in calibrator.npz, as asked; {report.best} scores best."


def _formats(columns: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    return {
        name: FOUR_DIGITS
        for name, values in columns.items()
        if all(isinstance(each, float | None) for each in values)
    }
