"""What ours promises, dtype by dtype, quantity by quantity, and whether it is kept."""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from bcejax.analysis import spacing
from experiments import Claim
from experiments.accuracy_of_forms.cells import Sheet
from experiments.accuracy_of_forms.forms import HIGHEST, OURS, QUANTITIES
from experiments.accuracy_of_forms.points import KNOWN
from experiments.tolerances import tolerance

LEFT_AT_MINIMUM = {"float32": 2.0**-44, "float64": 2.0**-96}  # of sigmoid(x), with "highest"

MEASURES = {  # where a soft label's gradient crosses 0, its last place says nothing
    (OURS, "gradient"): ", counted in the larger of it and sigmoid(x),",
    (HIGHEST, "gradient"): ", but for a share of sigmoid(x),",
}


def claims_on_ours(sheets: Mapping[str, Sheet]) -> Iterator[Claim]:
    """The documented bounds, over all regions; label by label where they differ."""
    for dtype, sheet in sheets.items():
        allowed = tolerance(dtype)
        bounds = {OURS: allowed.losses, HIGHEST: allowed.highest}
        for form, quantity in itertools.product(bounds, QUANTITIES):
            errors, soft = _as_promised(sheet, form, quantity), _are_soft(sheet)
            hard_bound, bound = bounds[form][quantity]
            measure = "" if _is_narrow(sheet) else MEASURES.get((form, quantity), "")
            text = f"{form}, {quantity} in {dtype}, worst error{measure}"
            if hard_bound == bound:
                yield Claim(f"{text} for any label", errors.max(), "<=", bound, "ulp")
            else:
                hard = errors[~soft].max()
                yield Claim(f"{text} for labels 0 and 1", hard, "<=", hard_bound, "ulp")
                yield Claim(f"{text} for a soft label", errors[soft].max(), "<=", bound, "ulp")


def _as_promised(sheet: Sheet, form: str, quantity: str) -> np.ndarray:
    """Errors in the unit of the promise, 0 at the points of known faults."""
    errors = sheet.errors[form][quantity]
    if quantity == "gradient" and not _is_narrow(sheet):
        errors = near_the_minimum(sheet, form, errors)
    return np.where(sheet.points.regions == KNOWN, 0, errors)


def near_the_minimum(sheet: Sheet, form: str, errors: np.ndarray) -> np.ndarray:
    """Errors of the gradient: in units of the larger of it and sigmoid, or beyond a share of it."""
    unit = spacing(sheet.exact["gradient"], sheet.dtype)
    sigmoid = 1 / (1 + np.exp(-sheet.points.logits.astype(np.float64)))
    if form == HIGHEST:
        kept = np.maximum(errors - LEFT_AT_MINIMUM[sheet.dtype] * sigmoid / unit, 0)
    else:
        kept = errors * unit / np.maximum(unit, spacing(sigmoid, sheet.dtype))
    return np.where(_are_soft(sheet), kept, errors)


def _are_soft(sheet: Sheet) -> np.ndarray:
    return (sheet.points.labels != 0) & (sheet.points.labels != 1)


def _is_narrow(sheet: Sheet) -> bool:
    return bool(sheet.points.logits.dtype.itemsize == 2)
