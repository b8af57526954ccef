"""The page of a calibration: what was found, the figures, the tables, how to use the calibrator."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bcejax.calibration.reporting.findings import CalibrationReport, Finding
from bcejax.commands.calibrate.figures import Figure
from bcejax.commands.page import (
    Block,
    Drawing,
    Facts,
    Grid,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
)

FOUR_DIGITS = ".4g"
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
        Section("Is it calibrated?", "findings", (*_answer(report), *map(_drawing, figures[:1]))),
        Section("In numbers", "numbers", tuple(_grids(report))),
        Section(
            "Recalibration",
            "recalibration",
            (*_recalibrations(report, calibrator), *map(_drawing, figures[1:3])),
        ),
    ]
    if groups:
        grid = make_grid(
            "By group.", groups, formats=_formats(groups), rows=100, links=_own("groups.csv")
        )
        sections.append(Section("Groups", "groups", (grid, *map(_drawing, figures[3:]))))
    sections.append(Section("Circumstances", "circumstances", (Facts("Run", circumstances),)))
    return Page("Calibration", (report.title,), tuple(sections))


def _answer(report: CalibrationReport) -> list[Block]:
    """Words for the tests that were made, and what was done otherwise than asked."""
    error = report.errors["smooth_calibration_error"]
    said = [Paragraph(_verdict(error), "answer")] if not math.isnan(error.p_value) else []
    return [*said, *(Paragraph(note, "note") for note in report.notes)]


def _verdict(error: Finding) -> str:
    if error.p_value < 0.05:
        return (
            f"No. The smooth calibration error is {error.value:.3g}; a calibrated model would show"
            f" as much with probability {error.p_value:.2g}."
        )
    return (
        f"Nothing speaks against it. The smooth calibration error is {error.value:.3g}; a"
        f" calibrated model would show as much with probability {error.p_value:.2g}."
    )


def _grids(report: CalibrationReport) -> list[Grid]:
    return [
        make_grid(
            f"{part.capitalize()}.",
            {
                "": list(estimates),
                **{
                    word: [_or_none(getattr(each, word)) for each in estimates.values()]
                    for word in Finding._fields
                },
            },
            formats=dict.fromkeys(Finding._fields, FOUR_DIGITS),
            links=_own("table.csv", "report.json"),
            rows=100,
        )
        for part, estimates in report.parts.items()
    ]


def _recalibrations(report: CalibrationReport, calibrator: str) -> list[Block]:
    rows = report.recalibrations
    words = ("log_score", "brier_score", "gain", "gain_error")
    columns: dict[str, Sequence[Any]] = {"calibrator": list(rows)}
    columns |= {word: [_or_none(getattr(row, word)) for row in rows.values()] for word in words}
    caption = "Cross-fitted scores; gain is the fall of the log score, with its standard error."
    grid = make_grid(caption, columns, formats=dict.fromkeys(words, FOUR_DIGITS))
    return [Paragraph(choice(report, calibrator), "answer"), grid, Listing(USE)]


def choice(report: CalibrationReport, calibrator: str) -> str:
    """Why this calibrator was written."""
    if report.best == "none":
        return (
            f"No calibrator gains on examples it has not seen; {calibrator} comes nearest"
            " and is in calibrator.npz."
        )
    if report.best == calibrator:
        return f"{calibrator} has the least cross-fitted log score and is in calibrator.npz."
    return f"{calibrator} is in calibrator.npz, as asked; {report.best} scores best."


def _drawing(figure: Figure) -> Drawing:
    svg = figure.svg.read_text(encoding="utf-8")
    return Drawing(svg, figure.alt, figure.caption, _own(figure.svg.name, f"{figure.svg.stem}.png"))


def _own(*names: str) -> dict[str, str]:
    """Links to files beside the page."""
    return {name.rpartition(".")[2].upper(): name for name in names}


def _formats(columns: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    return {
        name: FOUR_DIGITS
        for name, values in columns.items()
        if all(isinstance(each, float | None) for each in values)
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
