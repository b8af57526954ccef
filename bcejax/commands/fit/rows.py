"""The rows of a file to learn from: the features that are asked for, none guessed, no row lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bcejax.commands.columns import check_asked, column_names, read_columns
from bcejax.commands.examples import read_features, read_labels, read_weights
from bcejax.data.tabulation import check_names, suggestion

ADVICE = "; give text a number, or leave the column out with --drop"


class Rows(NamedTuple):
    """What a file says of n examples, all of float64."""

    names: tuple[str, ...]  # of the d features
    inputs: np.ndarray  # (n, d)
    labels: np.ndarray  # (n,) 0 or 1
    weights: np.ndarray | None  # (n,)

    def taken(self, rows: np.ndarray) -> "Rows":
        """The rows of these numbers."""
        weights = None if self.weights is None else self.weights[rows]
        return self._replace(inputs=self.inputs[rows], labels=self.labels[rows], weights=weights)

    @property
    def given(self) -> dict[str, Any]:
        """The weights, by the name that the library's functions know them by."""
        return {"weights": self.weights}


def read_rows(
    path: Path,
    *,
    label: str,
    weight: str | None = None,
    features: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Rows:
    r"""Features, labels and weights of each row.

    Args:
        path: a .csv, .csv.gz or .parquet file; line 1 of a CSV names the columns.
        label: name of the column of labels, 0 or 1, true or false.
        weight: of numbers >= 0 that say how much a row counts.
        features: names of the columns to learn from; () takes all others.
        drop: names of columns to leave out; they may hold anything.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: the file cannot be read whole, has no such column or no rows; a value is
            missing, no number or out of range; all labels are alike; nothing to learn from.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "patients.csv")
        ...     _ = path.write_text("id,age,ill\na,40,0\nb,61,1\n")
        ...     rows = read_rows(path, label="ill", drop=["id"])
        >>> rows.names, rows.inputs.tolist()
        (('age',), [[40.0], [61.0]])
    """
    others = [label] if weight is None else [label, weight]
    asked = [*others, *features, *drop]
    check_asked(asked)
    there = column_names(path)
    for name in asked:
        if name not in there:
            raise ValueError(f"{path} has no column {name!r}{suggestion(name, there)}")
    names = tuple(features) or tuple(name for name in there if name not in asked)
    check_names(path, [*others, *names], label, weight)
    sheet = read_columns(path, [*others, *names])
    weights = None if weight is None else read_weights(sheet, weight)
    labels = read_labels(sheet, label, weights)
    return Rows(names, read_features(sheet, names, advice=ADVICE), labels, weights)
