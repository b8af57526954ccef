"""Tables and figures of the atlas."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from bcejax.plots import draw_error_atlas, draw_errors
from experiments import Figure, Table
from experiments.accuracy_of_forms.cells import Cell, Sheet
from experiments.accuracy_of_forms.faults import Fault, relative_error
from experiments.accuracy_of_forms.forms import (
    LOG_P,
    OPTAX,
    OURS,
    QUANTITIES,
    SOFTPLUS,
    TENSORFLOW,
)
from experiments.accuracy_of_forms.peers import TORCH
from experiments.accuracy_of_forms.points import EDGES, MINIMUM, REGIONS, SOFT

Column = tuple[str, str]  # group and name
HARD, SOFTLY = "labels 0 and 1", f"label {SOFT:g}"
CURVES = (LOG_P, SOFTPLUS, TORCH, OPTAX, TENSORFLOW, OURS)  # the last one on top
TICKS = {0: "0", 1: "1", 1e2: "100", 1e4: "1e4", 1e6: "1e6", 1e8: "1e8"}
SHOWN_LABELS = (0.0, 1.0)
STRETCHES = 80  # a point each, of 100 bytes on a page, in 8 panels and 6 forms


def worst_by(cells: Sequence[Cell], column: Callable[[Cell], Column]) -> dict[str, dict]:
    """The largest error of each form in each column, as ``draw_error_atlas`` takes it."""
    found: dict[str, dict[Column, float]] = {}
    for cell in cells:
        row = found.setdefault(cell.form, {})
        row[column(cell)] = max(row.get(column(cell), 0.0), cell.error)
    return found


def by_quantity(cell: Cell) -> Column:
    """A column for each quantity, hard labels apart from the soft one."""
    return (SOFTLY if cell.label == SOFT else HARD, cell.quantity)


def by_region(cell: Cell) -> Column:
    """A column for each region, label by label."""
    return (f"label {cell.label:g}", cell.region)


def digits_of(dtype: str) -> int:
    """Binary digits of a format, the leading one counted."""
    return int(jnp.finfo(dtype).nmant) + 1


def tables_of(cells: Mapping[str, list[Cell]], faults: list[tuple[Fault, Cell]]) -> list[Table]:
    """One table for each dtype, that of the faults, and every cell."""
    every = [cell for each in cells.values() for cell in each]
    return [
        *(_atlas_table(dtype, here) for dtype, here in cells.items()),
        Table(
            "faults",
            "Known faults, each at a point where it is plain.",
            {
                "form": [fault.form for fault, _ in faults],
                "quantity": [fault.quantity for fault, _ in faults],
                "dtype": [fault.dtype for fault, _ in faults],
                "logit": [fault.logit for fault, _ in faults],
                "label": [fault.label for fault, _ in faults],
                "got": [cell.got for _, cell in faults],
                "exact": [cell.exact for _, cell in faults],
                "relative error": [relative_error(cell) for _, cell in faults],
                "why": [fault.why for fault, _ in faults],
            },
        ),
        Table(
            "cells",
            "The worst point of each form in each dtype, quantity, label and region.",
            {
                "error (ulp)" if name == "error" else name: [cell[i] for cell in every]
                for i, name in enumerate(Cell._fields)
            },
            {"error (ulp)": ".3g"},
        ),
    ]


def _atlas_table(dtype: str, cells: list[Cell]) -> Table:
    rows = worst_by(cells, by_quantity)
    columns = {
        f"{quantity}, {group} (ulp)": [row.get((group, quantity)) for row in rows.values()]
        for group, quantity in itertools.product((HARD, SOFTLY), QUANTITIES)
    }
    return Table(
        f"atlas_{dtype}",
        f"Worst error of each form in {dtype}, over all regions; 2^{digits_of(dtype)} ="
        f" {2.0 ** digits_of(dtype):.2g} ulp: nothing is left.",
        {"form": list(rows)} | columns,
        dict.fromkeys(columns, ".3g"),
    )


def figures_of(sheets: Mapping[str, Sheet], cells: Mapping[str, list[Cell]]) -> list[Figure]:
    """The atlas of all dtypes; regions and curves of the first."""
    first, shown = next(iter(cells.items()))
    ours = {
        dtype: max(cell.error for cell in here if cell.form == OURS and cell.region != MINIMUM)
        for dtype, here in cells.items()
    }
    lost = sum(_is_lost(row, digits_of(first)) for row in worst_by(shown, by_quantity).values())
    panels = (-(-len(cells) // 2), 2) if len(cells) > 1 else (1, 1)
    most = max(ours.values())
    return [
        Figure(
            "atlas",
            "Worst error in ulp of each form (rows) in each quantity (columns), one panel for each"
            " dtype. The darker, the larger the share of digits that is lost; 2e7 ulp in float32,"
            " 9e15 in float64, 256 in bfloat16 and 2e3 in float16 is all of them. Empty: not"
            " offered. With a soft label the gradient has a zero inside, next to which every form"
            " that rounds sigmoid(x) loses it; accuracy='highest' does not round it.",
            alt=f"The row of bcejax is light throughout, at most {most:.1f} ulp outside the"
            f" minimum of the soft label; {lost} of {len(worst_by(shown, by_quantity))} forms lose"
            f" all digits of some quantity for labels 0 and 1 in {first}.",
            draw=partial(draw_atlas, cells=cells),
            panels=panels,
        ),
        Figure(
            "regions",
            f"Worst error in ulp in {first} by label and region, one panel for each quantity.",
            alt="The row of bcejax is light but for the gradient at the minimum of the soft label;"
            " with accuracy='highest' it is light there too. Others lose values where the label is"
            " right, gradients in one tail or around 0, second derivatives in a tail, and the third"
            " derivative around 0.",
            draw=partial(draw_regions, cells=shown, digits=digits_of(first)),
            panels=(2, 2),
        ),
        Figure(
            "errors",
            f"Error in {first} against the logit, the worst in each of {STRETCHES} stretches; a row"
            " for each quantity, left label 0, right label 1. Crosses on the upper edge: nan or"
            " infinite; errors beyond 1e9 ulp are not shown.",
            alt=f"bcejax lies below {max(1, ours[first]):.1f} ulp everywhere. The others leave it"
            " in one tail or in both, along straight lines: each unit of the logit costs a factor"
            " e.",
            draw=partial(draw_curves, sheet=sheets[first]),
            panels=(len(QUANTITIES), len(SHOWN_LABELS)),
        ),
    ]


def _is_lost(row: Mapping[Column, float], digits: int) -> bool:
    return any(error >= 2.0 ** (digits - 1) for (group, _), error in row.items() if group == HARD)


def draw_atlas(*axes: Any, cells: Mapping[str, list[Cell]]) -> None:
    """One panel for each dtype."""
    for ax, (dtype, here) in zip(axes, cells.items(), strict=False):
        draw_error_atlas(ax, worst_by(here, by_quantity), digits=digits_of(dtype))
        ax.set_title(dtype)
    for ax in axes[len(cells) :]:
        ax.set_axis_off()


def draw_regions(*axes: Any, cells: Sequence[Cell], digits: int) -> None:
    """One panel for each quantity."""
    for ax, quantity in zip(axes, QUANTITIES, strict=True):
        here = [cell for cell in cells if cell.quantity == quantity]
        draw_error_atlas(ax, worst_by(here, by_region), digits=digits)
        ax.set_title(quantity)


def worst_by_stretch(logits: np.ndarray, errors: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The largest error between neighbouring edges; 0 where there is no logit."""
    worst = np.zeros(edges.size - 1)
    places = np.clip(np.searchsorted(edges, logits, "right") - 1, 0, worst.size - 1)
    np.maximum.at(worst, places, errors)
    return worst


def draw_curves(*axes: Any, sheet: Sheet) -> None:
    """A row for each quantity, a column for each label."""
    edge = EDGES[sheet.dtype]
    edges = np.linspace(-edge, edge, STRETCHES + 1)
    panels = itertools.product(QUANTITIES, SHOWN_LABELS)
    for ax, (quantity, label) in zip(axes, panels, strict=True):
        places = np.concatenate([sheet.points.of(label, region) for region in REGIONS])
        logits = sheet.points.logits[places].astype(np.float64)
        errors = {
            form: worst_by_stretch(logits, sheet.errors[form][quantity][places], edges)
            for form in CURVES
            if quantity in sheet.errors.get(form, {})
        }
        draw_errors(ax, (edges[1:] + edges[:-1]) / 2, errors)
        ax.set(xlabel=f"logit, label {label:g}", ylabel=f"{quantity}: error (ulp)")
        ax.set_ylim(0, 1e9)
        ax.set_yticks(list(TICKS), list(TICKS.values()))
        if ax is not axes[0]:
            ax.get_legend().remove()
