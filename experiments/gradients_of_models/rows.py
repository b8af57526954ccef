"""Rows of tables, and how far derivatives are from the exact ones."""

from typing import Any

import numpy as np

from experiments import Table
from experiments.gradients_of_models.bounded import Bounded

Row = dict[str, Any]  # header to entry
WHOLE = "relative error"  # |got - exact| / |exact|, all components as one vector
COMPONENT = "worst component's"
BOUND = "its bound"
SHARE = "worst share of a bound"


def measure(got: Any, exact: Bounded) -> Row:
    """How far derivatives are from the exact ones; a nan is infinitely far."""
    off = np.nan_to_num(np.abs(np.asarray(got).astype(np.longdouble) - exact.value), nan=np.inf)
    return {
        WHOLE: norm(off) / norm(exact.value),
        BOUND: norm(exact.error) / norm(exact.value),
        COMPONENT: _largest_ratio(off, np.abs(exact.value)),
        SHARE: _largest_ratio(off, exact.error),
    }


def norm(values: np.ndarray) -> float:
    """The Euclidean norm, summed in the values' dtype."""
    return float(np.sqrt(np.sum(values**2)))


def _largest_ratio(above: np.ndarray, below: np.ndarray) -> float:
    """0 / 0 is no error: where relu is shut for all rows, a derivative is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(above == 0, 0, above / below).max())


def where(rows: list[Row], **words: Any) -> list[Row]:
    """The rows that say these words."""
    return [row for row in rows if words.items() <= row.items()]


def largest(rows: list[Row], column: str) -> float:
    """The largest entry; nan if one is nan, so that no claim holds by leaving it out."""
    return float(np.max([row[column] for row in rows]))


def make_table(name: str, caption: str, rows: list[Row]) -> Table:
    """A table of rows that all have one row's headers; floats in short, the files hold all."""
    columns = {header: [row[header] for row in rows] for header in rows[0]}
    short = {name: ".3g" for name, column in columns.items() if isinstance(column[0], float)}
    return Table(name, caption, columns, short)
