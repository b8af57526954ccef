"""Tables of the dead: by form, by side, and what Newton's method makes of them."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments import Table
from experiments.accuracy_of_forms.points import EDGES
from experiments.dead_derivatives.deaths import (
    DERIVATIVES,
    Death,
    Scan,
    exact_newton_step,
    first_of,
    newton_step,
)

NAMES = {"hessian": "second derivative", "third": "third derivative"}
KINDS = {"half": "half of the digits lost", "all": "all", "zero": "exactly 0"}


def tables_of(scans: Mapping[str, Scan], deaths: list[Death]) -> list[Table]:
    """The first loss of each form in each dtype, Newton's steps there, and all sides."""
    first = next(iter(scans))
    return [
        *(_first_table(dtype, deaths) for dtype in scans),
        _newton_table(scans[first], deaths),
        _sides_table(deaths),
    ]


def _first_table(dtype: str, deaths: list[Death]) -> Table:
    forms = list(dict.fromkeys(death.form for death in deaths if death.dtype == dtype))
    columns = {
        f"{NAMES[quantity]}: {words}": [
            getattr(first_of(deaths, dtype, form, quantity), kind) for form in forms
        ]
        for quantity, (kind, words) in itertools.product(DERIVATIVES, KINDS.items())
    }
    return Table(
        f"first_{dtype}",
        f"Smallest |logit| from which on derivatives are lost in {dtype}, for some label and sign;"
        f" looked for up to {EDGES[dtype]:g}. Empty: never, or not offered.",
        {"form": forms} | columns,
    )


def _newton_table(scan: Scan, deaths: list[Death]) -> Table:
    """Where each form's second derivative is lost first."""
    rows = []
    for form in scan.found:
        own = [
            each
            for each in deaths
            if (each.dtype, each.form, each.quantity) == (scan.dtype, form, "hessian")
            and _end(each) < math.inf
        ]
        for death in sorted(own, key=_end)[:2]:
            rows.append(_newton_row(scan, form, death))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return Table(
        f"newton_{scan.dtype}",
        f"A Newton step in {scan.dtype} at the logit where a form's second derivative first becomes"
        " 0, or has no right digit for good: its two worst sides.",
        columns,
        dict.fromkeys(list(columns)[3:], ".6g"),
    )


def _newton_row(scan: Scan, form: str, death: Death) -> dict[str, Any]:
    end = _end(death)
    at = int(np.searchsorted(scan.sizes.astype(np.float64), end))
    found = {
        name: each[at : at + 1] for name, each in scan.found[form][death.sign, death.label].items()
    }
    logit = death.sign * end
    return {
        "form": form,
        "logit": logit,
        "label": death.label,
        "gradient": float(found["gradient"][0]),
        "second derivative": float(found["hessian"][0]),
        "exact second derivative": float(scan.exact["hessian"][at]),
        "step": float(newton_step(found)[0]),
        "exact step": float(exact_newton_step(np.array([logit]), death.label)[0]),
    }


def _end(death: Death) -> float:
    """Where a derivative is 0 for good, or else has no right digit; beyond all logits if never."""
    ends = (death.zero, death.all)
    return next((end for end in ends if end is not None), math.inf)


def _sides_table(deaths: list[Death]) -> Table:
    columns = {name: [death[i] for death in deaths] for i, name in enumerate(Death._fields)}
    renamed = {
        "sign": "sign of the logit",
        "half": "half lost",
        "all": "all lost",
        "zero": "exactly 0",
    }
    return Table(
        "sides",
        "|logit| from which on derivatives are lost, side by side; empty: never.",
        {renamed.get(name, name): column for name, column in columns.items()},
    )
