"""The page of a fit: how it ended, the coefficients, the search, the calibration, how to use it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from bcejax.commands.drawings import Figure, drawing_of, links_to
from bcejax.commands.findings import FOUR_DIGITS, answer, grids
from bcejax.commands.fit.results import HeldOut, Results, Search
from bcejax.commands.page import (
    Block,
    Facts,
    Grid,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
)
from bcejax.solvers.wording import explain_status

WIDE = ("odds_lower", "odds_upper")  # are in table.csv; a page has no room for them
USE = """from bcejax.commands.model_file import load_model

model = load_model("model.npz")
model.logits(inputs)      # of rows (n, d), columns in the order of model.features

bcejax predict model.npz rows.csv --out predictions.csv      # the same from a shell"""


def page_of_fit(results: Results, figures: Mapping[str, Figure]) -> Page:
    """The page of one run of the command.

    Args:
        results: what was found.
        figures: by the name of their files.
    """
    drawings = {name: [drawing_of(figure)] for name, figure in figures.items()}
    coefficients: list[Block] = [*_coefficients(results), *drawings.get("coefficients", [])]
    sections = [
        Section("How did it end?", "ending", _ending(results)),
        Section("Coefficients", "coefficients", tuple(coefficients)),
    ]
    if results.search is not None:
        searched: list[Block] = [_penalties(results.search), *drawings["penalties"]]
        sections.append(Section("Penalties", "penalties", tuple(searched)))
    if results.held is not None:
        judged = (*_calibration(results.held), *drawings["reliability"])
        sections.append(Section("Is it calibrated?", "calibration", judged))
    sections.append(Section("Use", "use", (Listing(USE),)))
    sections.append(Section("Circumstances", "circumstances", (Facts("Run", results.asked),)))
    return Page("Logistic regression", (lead_of(results),), tuple(sections))


def lead_of(results: Results) -> str:
    """What was fitted, in a line."""
    model = results.model
    penalties = [
        f"{name} = {value:.4g}" for name in ("l2", "l1") if (value := getattr(model, name))
    ]
    ways = [*penalties, *(["Firth's estimate"] if model.firth else [])]
    scale = ["columns standardised"] if results.standardised else []
    columns = "1 column" if len(model.features) == 1 else f"{len(model.features)} columns"
    return ", ".join([f"{model.label} of {results.examples} rows from {columns}", *ways, *scale])


def _ending(results: Results) -> tuple[Block, ...]:
    words = explain_status(results.model.status)
    said = "It converged." if results.converged else f"It did not converge: {words}."
    head = Listing("\n".join(results.summary.head()))
    return Paragraph(said, "answer"), head, Facts("Fit", facts_of(results))


def facts_of(results: Results) -> dict[str, Any]:
    """The fit in a few words and numbers."""
    model, solution = results.model, results.solution
    return {
        "label": model.label,
        "examples": results.examples,
        "columns": len(model.features),
        "l2": model.l2,
        "l1": model.l1,
        "firth": model.firth,
        "standardised": results.standardised,
        "status": model.status.name.lower(),
        "value": none_if_endless(solution.value),
        "gradient_norm": none_if_endless(solution.gradient_norm),
        "duality_gap": none_if_endless(solution.duality_gap),
        "steps": int(solution.steps),
    }


def _coefficients(results: Results) -> list[Block]:
    table = results.table
    names, *numbers = (each for each in table if each not in WIDE)
    columns: dict[str, Any] = {names: table[names].tolist()}
    columns |= {each: [none_if_endless(value) for value in table[each]] for each in numbers}
    caption = (
        "Of columns brought to mean 0 and standard deviation 1."
        if results.standardised
        else "Of the columns as they are."
    )
    formats = dict.fromkeys(numbers, FOUR_DIGITS)
    grid = make_grid(caption, columns, formats=formats, rows=100, links=links_to("table.csv"))
    return [grid, *(Paragraph(f"{note}.", "note") for note in results.summary.notes)]


def _penalties(search: Search) -> Grid:
    columns = {name: values.tolist() for name, values in search._asdict().items()}
    return make_grid(
        "Log loss of rows left out, in nats.",
        columns,
        formats=dict.fromkeys(columns, FOUR_DIGITS),
        rows=100,
        links=links_to("penalties.csv"),
    )


def _calibration(held: HeldOut) -> list[Block]:
    title = Paragraph(f"Of rows held out: {held.report.title}.", "note")
    links = links_to("calibration.csv", "report.json")
    return [*answer(held.report), title, *grids(held.report, links)]


def none_if_endless(value: ArrayLike) -> float | None:
    """A number, or None, which JSON and a page take for one that is not finite."""
    number = float(np.asarray(value))
    return number if math.isfinite(number) else None
