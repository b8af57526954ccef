"""What ours promises, dtype by dtype, quantity by quantity."""

from collections.abc import Iterator, Mapping

import numpy as np

from bcejax.analysis import spacing
from experiments import Claim
from experiments.accuracy_of_forms.cells import Sheet
from experiments.accuracy_of_forms.forms import OURS, QUANTITIES
from experiments.accuracy_of_forms.points import KNOWN

BOUNDS = {"value": 3.0, "gradient": 1.0, "hessian": 2.5, "third": 5.0}  # of bce_with_logits
ROUNDED_ONCE = 0.501  # in 16 bits, where it computes in float32


def claims_on_ours(sheets: Mapping[str, Sheet]) -> Iterator[Claim]:
    """The documented bounds, over all labels and regions."""
    for dtype, sheet in sheets.items():
        narrow = sheet.points.logits.dtype.itemsize == 2
        inside = sheet.points.regions != KNOWN
        for quantity in QUANTITIES:
            errors = sheet.errors[OURS][quantity]
            if quantity == "gradient" and not narrow:
                errors = errors * in_units_of_sigmoid(sheet)
            bound = ROUNDED_ONCE if narrow else BOUNDS[quantity]
            text = f"bcejax, {quantity} in {dtype}: worst error"
            yield Claim(text, errors[inside].max(), "<=", bound, "ulp")


def in_units_of_sigmoid(sheet: Sheet) -> np.ndarray:
    """The unit of the exact gradient in that of the larger of sigmoid and gradient."""
    exact = sheet.exact["gradient"]
    sigmoid = 1 / (1 + np.exp(-sheet.points.logits.astype(np.float64)))
    soft = (sheet.points.labels != 0) & (sheet.points.labels != 1)
    own = spacing(exact, sheet.dtype)
    return np.where(soft, own / np.maximum(own, spacing(sigmoid, sheet.dtype)), 1.0)
