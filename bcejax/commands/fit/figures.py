"""The figures of a fit, each drawn from what was computed before."""

from pathlib import Path
from typing import Any

import numpy as np

from bcejax.commands.drawings import Figure, draw_figure
from bcejax.commands.fit.results import HeldOut, Results, Search
from bcejax.plots import (
    draw_coefficients,
    draw_penalty_curve,
    draw_prob_histogram,
    draw_reliability,
)

FIGURES = ("coefficients", "penalties", "reliability")


def draw_figures(results: Results, folder: Path) -> dict[str, Figure]:
    """Draw each figure into the folder, as SVG and as PNG; by the name of its files."""
    figures = {}
    if np.isfinite(results.summary.coefficients).any():  # they are not where labels are separated
        figures["coefficients"] = _coefficients(results, folder / "coefficients")
    if results.search is not None:
        figures["penalties"] = _penalties(results.search, results.model.l2, folder / "penalties")
    if results.held is not None:
        figures["reliability"] = _reliability(results.held, folder / "reliability")
    return figures


def _coefficients(results: Results, stem: Path) -> Figure:
    names, told = results.model.features, results.summary
    with np.errstate(invalid="ignore"):  # a column that does not vary has endless intervals
        values, lower, upper = (
            each[: len(names)] * results.deviations
            for each in (told.coefficients, told.lower, told.upper)
        )

    def draw(ax: Any) -> None:
        draw_coefficients(ax, names, values, lower=lower, upper=upper)
        ax.set_xlabel("logit per standard deviation of the column")

    caption = (
        "What a standard deviation of each column adds to the logit, with its interval; grey where"
        " the interval holds 0."
    )
    return draw_figure(stem, [draw], "Coefficients with their intervals.", caption)


def _penalties(search: Search, chosen: float, stem: Path) -> Figure:
    return draw_figure(
        stem,
        [
            lambda ax: draw_penalty_curve(
                ax, search.l2, search.loss, errors=search.error, chosen=chosen
            )
        ],
        "Log loss of rows left out, against the penalty.",
        f"Log loss of rows left out, with one standard error; l2 = {chosen:.3g} has the least.",
    )


def _reliability(held: HeldOut, stem: Path) -> Figure:
    return draw_figure(
        stem,
        [
            lambda ax: draw_reliability(ax, held.binned),
            lambda ax: draw_prob_histogram(ax, held.fine),
        ],
        "Share of label 1 against probability, and the density of the probabilities.",
        "Rows held out. Left: where the points lie above the diagonal, label 1 is more frequent"
        " than said; 95 % Wilson intervals. Right: how the probabilities of each class lie.",
    )
