"""Labels, weights and features of the rows of a file, checked row by row."""

from collections.abc import Sequence

import numpy as np

from bcejax.commands.columns import Sheet
from bcejax.numerics import check_labels

LARGEST = 1e300  # of an input; beyond, coefficients come near the smallest normal number


def read_labels(sheet: Sheet, name: str, weights: np.ndarray | None) -> np.ndarray:
    """A column (n,) of labels 0 and 1, both of them among the rows that count.

    Args:
        sheet: holds the column.
        name: of the column.
        weights: (n,) how much each row counts.

    Raises:
        ValueError: a label is missing or neither 0 nor 1, or all that count are alike.
    """
    labels = sheet.numbers(name, advice="; give one class label 1, the other 0")
    odd = (labels != 0) & (labels != 1)
    if odd.any():
        try:
            check_labels(labels)
        except ValueError as error:
            raise sheet.fault(name, str(error), np.abs(labels - 0.5)) from None
        raise sheet.fault(name, f"labels are 0 or 1 here, found {labels[odd][0]:g}", odd)
    counted = labels if weights is None else labels[weights > 0]
    if (counted == counted[0]).all():
        one = f"all {counted.size} labels that count are {counted[0]:g}"
        raise sheet.fault(name, f"one class only: {one}")
    return labels


def read_weights(sheet: Sheet, name: str) -> np.ndarray:
    """A column (n,) of weights, finite and >= 0 and not all 0.

    Raises:
        ValueError: they are not.
    """
    weights = sheet.numbers(name)
    strange = (weights < 0) | np.isinf(weights)
    if strange.any():
        found = f"weights are finite and >= 0, found {weights[strange][0]:g}"
        raise sheet.fault(name, found, strange)
    if not weights.any():
        raise sheet.fault(name, "every weight is 0")
    return weights


def read_features(sheet: Sheet, names: Sequence[str], *, advice: str = "") -> np.ndarray:
    """Columns (n, d) of finite numbers.

    Args:
        sheet: holds the columns.
        names: of the columns.
        advice: what to say to text.

    Raises:
        ValueError: a value is missing, no number, infinite or beyond 1e300 in magnitude.
    """
    columns = [sheet.numbers(name, advice=advice) for name in names]
    for name, values in zip(names, columns, strict=True):
        largest = np.abs(values).max()
        if largest > LARGEST:
            fault = f"the value {largest:g} is too large: does it stand for a missing one?"
            told = "infinite value" if np.isinf(largest) else fault
            raise sheet.fault(name, told, np.abs(values) == largest)
    return np.column_stack(columns)
