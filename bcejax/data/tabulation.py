"""What every file format comes down to: named columns of numbers, checked into a table.

A reader turns a file into ``Columns``; the checks here are the same for all of them, and name
the file, the place (a line or a row) and the column at fault in one line.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from bcejax.data.records import Batch, Table
from bcejax.numerics import check_labels

NAMES_SHOWN = 20
INDEX_NAMES = ("", "__index_level_0__", "Unnamed: 0")  # what pandas calls a row number it saved


class Columns(NamedTuple):
    """The content of one file.

    Attributes:
        names: one per column.
        values: one array (n,) of float32 or float64 per column; nan where a value is missing.
        place: where row i stands in the file, in words.
    """

    names: tuple[str, ...]
    values: Sequence[np.ndarray]
    place: Callable[[int], str]


def check_names(path: Path, names: Sequence[str], label: str, weights: str | None) -> None:
    """Refuse a file whose column names cannot give features, a label and weights.

    Raises:
        TypeError: ``label`` or ``weights`` is not a string.
        ValueError: there is no column; one has no name, the name of a saved row number or another
            column's name; the label or weights column is missing; both are one; nothing is left
            to be a feature.
    """
    for argument, wanted in (("label", label), ("weights", weights)):
        if not isinstance(wanted, str) and (argument == "label" or wanted is not None):
            raise TypeError(f"{argument} must be the name of a column, got {wanted!r}")
    if not names:
        raise ValueError(f"{path} is empty")
    for number, name in enumerate(names, 1):
        if name in INDEX_NAMES:
            fault = f"the name {name!r}" if name else "no name"
            raise ValueError(
                f"{path}: column {number} has {fault}; if it numbers the rows leave it out, "
                "else name it"
            )
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{path}: {count} columns are named {name!r}; names must differ")
    if label == weights:
        raise ValueError(f"{path}: label and weights are both column {label!r}")
    for wanted in (label, weights):
        if wanted is not None and wanted not in names:
            raise ValueError(f"{path} has no column {wanted!r}{suggestion(wanted, names)}")
    if not set(names) - {label, weights}:
        raise ValueError(f"{path} has no column besides {label!r} to learn from")


def assemble(path: Path, columns: Columns, label: str, weights: str | None, *, name: str) -> Table:
    """A whole table out of columns whose names are right.

    Raises:
        ValueError: no rows; a missing, nan or infinite value; labels that are not numbers in
            [0, 1] or of which all are 0 or all are 1; weights that are negative or all 0.
    """
    _check_values(path, columns)
    content = dict(zip(columns.names, columns.values, strict=True))
    _check_labels(path, columns, label)
    if weights is not None:
        _check_weights(path, columns, weights)
    counted = content[label] if weights is None else content[label][content[weights] > 0]
    if np.all(counted == counted[0]) and counted[0] in (0, 1):
        raise ValueError(
            f"{path}, column {label!r}: one class only: all {counted.size} labels are "
            f"{counted[0]:g}, and there is nothing to tell apart"
        )
    features = tuple(each for each in columns.names if each not in (label, weights))
    batch = Batch(
        inputs=np.column_stack([content[each] for each in features]),
        labels=content[label],
        weights=None if weights is None else content[weights],
    )
    return Table(batch, features, name=name, label=label, source=str(path))


def _shown(names: Sequence[str]) -> str:
    """Names as a list to read, cut where it would grow long."""
    rest = len(names) - NAMES_SHOWN
    plain = [name if name.isprintable() else repr(name) for name in names[:NAMES_SHOWN]]
    return ", ".join(plain) + (f" and {rest} more" if rest > 0 else "")


def suggestion(wanted: str, names: Sequence[str]) -> str:
    """What to say behind "has no column": the name that may be meant, and those that are there.

    Example:
        >>> suggestion("Il", ["a", "ill"])
        "; did you mean 'ill'? it has a, ill"
        >>> suggestion("ill", ["a;ill"])
        "; its columns are parted by ';', commas are taken"
    """
    for mark in (";", "\t", "|"):
        if len(names) == 1 and mark in names[0]:
            return f"; its columns are parted by {mark!r}, commas are taken"
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), lower, n=1)
    question = f"; did you mean {lower[near[0]]!r}?" if near else ";"
    return f"{question} it has {_shown(names)}"


def fault_of_labels(labels: np.ndarray) -> tuple[int, str] | None:
    """The row of the first that is no label, and why; None where all are.

    Example:
        >>> fault_of_labels(np.array([0.0, 1.0, 2.0]))
        (2, 'labels lie in [0, 1], found classes 0, 1, 2: ...')
    """
    try:
        check_labels(labels)
    except ValueError as error:
        slack = 4 * np.finfo(labels.dtype).eps  # that of check_labels
        return int(np.argmax((labels < -slack) | (labels > 1 + slack))), str(error)
    return None


def _check_values(path: Path, columns: Columns) -> None:
    for name, values in zip(columns.names, columns.values, strict=True):
        if not values.size:
            raise ValueError(f"{path} holds column names but no rows")
        good = np.isfinite(values)
        if not good.all():
            row = int(np.argmin(good))
            fault = "the value is missing (nan)" if np.isnan(values[row]) else "infinite value"
            _refuse(path, columns, name, row, fault)


def _check_labels(path: Path, columns: Columns, label: str) -> None:
    if fault := fault_of_labels(columns.values[columns.names.index(label)]):
        _refuse(path, columns, label, *fault)


def _check_weights(path: Path, columns: Columns, weights: str) -> None:
    values = columns.values[columns.names.index(weights)]
    if values.min() < 0:
        row = int(np.argmax(values < 0))
        _refuse(path, columns, weights, row, f"weight {values[row]:g} is negative")
    if not values.any():
        raise ValueError(f"{path}, column {weights!r}: every weight is 0")


def _refuse(path: Path, columns: Columns, name: str, row: int, fault: str) -> NoReturn:
    raise ValueError(f"{path}, {columns.place(row)}, column {name!r}: {fault}") from None
