"""The figures of a calibration, each drawn from what was computed before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from bcejax.calibration.binning import ReliabilityCurve
from bcejax.calibration.decomposition.corp import CorpDecomposition
from bcejax.calibration.reporting.findings import CalibrationReport
from bcejax.commands.calibrate.curves import Comparisons, Curves
from bcejax.commands.drawings import Figure, draw_figure
from bcejax.plots import (
    draw_isotonic_reliability,
    draw_prob_histogram,
    draw_recalibration,
    draw_reliability,
    draw_smooth_reliability,
)


def draw_predictions(curves: Curves, report: CalibrationReport, folder: Path) -> list[Figure]:
    """Draw into the folder, as SVG and as PNG, what needs no calibrator."""
    parts = _parts(report)
    return [
        draw_figure(
            folder / "reliability",
            [
                lambda ax: draw_reliability(ax, curves.binned),
                lambda ax: _draw_curves(ax, curves, parts),
            ],
            "Share of label 1 against probability: in bins with 95 % Wilson intervals, and"
            " isotonic and smooth.",
            "Where the curve lies above the diagonal, label 1 is more frequent than said. Left:"
            " bins of equal width and their intervals. Right: the isotonic curve, in grey where"
            " that of a calibrated model would lie, and the smooth curve.",
        ),
        draw_figure(
            folder / "histogram",
            [lambda ax: draw_prob_histogram(ax, curves.fine)],
            "Density of the probabilities of label 1 and of label 0.",
            "How the probabilities of each class lie: label 1 upward, label 0 downward.",
        ),
    ]


def draw_comparisons(
    before: ReliabilityCurve, compared: Comparisons, calibrator: str, folder: Path
) -> list[Figure]:
    """Draw likewise what calibration changes; and the groups, if there are any."""
    figures = [
        draw_figure(
            folder / "recalibration",
            [
                lambda ax: draw_recalibration(ax, before, compared.after),
                lambda ax: draw_recalibration(ax, before, compared.after, kind="bias"),
            ],
            f"Reliability before and after calibration by {calibrator}.",
            f"Before and after {calibrator}. Each example was calibrated without its own fold.",
        )
    ]
    if compared.groups:
        figures.append(group_figure(compared.groups, folder / "groups"))
    return figures


def _parts(report: CalibrationReport) -> CorpDecomposition:
    """What the report says of the log score."""
    names = ("miscalibration", "discrimination", "uncertainty")
    found = {name: report.decompositions[f"log_{name}"] for name in names}
    found["score"] = report.scores["log_score"]
    return CorpDecomposition(**{name: jnp.asarray(each.value) for name, each in found.items()})


def _draw_curves(ax: Any, curves: Curves, parts: CorpDecomposition) -> None:
    band = curves.consistency
    draw_isotonic_reliability(ax, band, consistency=band, parts=parts, label="isotonic")
    draw_smooth_reliability(ax, curves.smooth, label="smooth")


def group_figure(groups: Mapping[str, ReliabilityCurve], stem: Path) -> Figure:
    """The curves of the groups on one axes."""

    def draw(ax: Any) -> None:
        for name, curve in groups.items():
            draw_reliability(ax, curve, label=_legend_name(name), intervals=False)
        legend = ax.get_legend()
        legend.set(loc="upper left", bbox_to_anchor=(1, 1))  # as long as names are
        for text in legend.get_texts():
            text.set_parse_math(False)  # a "$" is part of a name

    bins = next(iter(groups.values())).counts.size
    caption = (
        f"The {len(groups)} largest groups, {bins} bins: share of label 1 against probability."
    )
    return draw_figure(stem, [draw], "Reliability by group.", caption)


def shown_name(group: str) -> str:
    """A group's name as a reader sees it.

    Example:
        >>> shown_name("north"), shown_name("")
        ('north', '(none)')
    """
    return group or "(none)"


def _legend_name(group: str) -> str:
    """Its two ends where it is long; matplotlib leaves out what begins with an underscore."""
    short = group if len(group) <= 24 else f"{group[:12]}…{group[-11:]}"
    return f" {short}" if short.startswith("_") else shown_name(short)
