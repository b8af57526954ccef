"""What a report of calibration says, as a page shows it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bcejax.calibration.reporting.findings import CalibrationReport, Finding
from bcejax.commands.page import Block, Grid, Paragraph, make_grid

FOUR_DIGITS = ".4g"
SAID = {
    "errors": " Resampling adds to an error; its interval takes that off again, and may lie below"
    " the value."
}


def answer(report: CalibrationReport) -> list[Block]:
    """Words for the tests that were made, and what was done otherwise than asked."""
    error = report.errors["smooth_calibration_error"]
    said = []
    if report.scores["log_score"].value == math.inf:
        said.append("No. A prediction that was certain, of probability 0 or 1, was wrong.")
    if not math.isnan(error.p_value):
        said.append(_verdict(error, report.n_resamples))
    return [
        *(Paragraph(each, "answer") for each in said),
        *(Paragraph(note, "note") for note in report.notes),
    ]


def _verdict(error: Finding, draws: int) -> str:
    # where no draw shows as much, the p-value is an upper bound
    at_most = "at most " if error.p_value <= 1 / (1 + draws) else ""
    chance = f"a calibrated model would show as much with probability {at_most}{error.p_value:.3g}."
    if error.p_value < 0.05:
        return f"No. The smooth calibration error is {error.value:.3g}; {chance}"
    return f"The smooth calibration error, {error.value:.3g}, does not speak against it: {chance}"


def grids(report: CalibrationReport, links: Mapping[str, str]) -> list[Grid]:
    """A table for each part of the report.

    Args:
        report: what was found.
        links: to files that hold the same.
    """
    return [
        make_grid(
            f"{part.capitalize()}.{SAID.get(part, '') if report.n_resamples else ''}",
            {"measure": list(estimates), **_columns(list(estimates.values()))},
            formats=dict.fromkeys(Finding._fields, FOUR_DIGITS),
            links=links,
            rows=100,
        )
        for part, estimates in report.parts.items()
    ]


def _columns(findings: Sequence[Finding]) -> dict[str, list[float | None]]:
    """Word by word what was found; nothing of a word that has no number."""
    columns = {
        word: [none_if_nan(getattr(each, word)) for each in findings] for word in Finding._fields
    }
    return {word: each for word, each in columns.items() if set(each) != {None}}


def rows_of(report: CalibrationReport) -> Iterator[tuple[Any, ...]]:
    """Part, name and finding of each number, as a table."""
    for part, estimates in report.parts.items():
        yield from ((part, name, *each) for name, each in estimates.items())


def none_if_nan(value: float) -> float | None:
    """A number, or what a page shows as missing."""
    return None if math.isnan(value) else value
