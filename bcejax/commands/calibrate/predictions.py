"""Predictions in a file: the columns that are asked for, checked row by row, none lost.

CSV (gzipped or not) and Parquet are read by pyarrow. Other columns may hold anything. Either all
rows come back or one line says which file, row and column is at fault, and why.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bcejax.commands.columns import Sheet, check_asked, read_columns
from bcejax.commands.examples import read_labels, read_weights
from bcejax.numerics import check_probs

MOST_GROUPS = 200


class Predictions(NamedTuple):
    """What a file says of n examples, all of float64; one of ``probs`` and ``logits`` is None."""

    labels: np.ndarray  # (n,) 0 or 1
    probs: np.ndarray | None  # (n,)
    logits: np.ndarray | None  # (n,)
    weights: np.ndarray | None  # (n,)
    groups: np.ndarray | None  # (n,) of str

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """The probabilities or the logits by the name that the library's functions know."""
        named = {"probs": self.probs, "logits": self.logits}
        return {name: values for name, values in named.items() if values is not None}

    @property
    def given(self) -> dict[str, Any]:
        """Scores and weights, likewise."""
        return {**self.scores, "weights": self.weights}


def read_predictions(
    path: Path,
    *,
    label: str,
    prob: str | None = None,
    logit: str | None = None,
    weight: str | None = None,
    group: str | None = None,
) -> Predictions:
    r"""Labels, scores and what else is asked for of each row.

    Args:
        path: a .csv, .csv.gz or .parquet file; line 1 of a CSV names the columns.
        label: name of the column of labels, 0 or 1, true or false.
        prob: of probabilities of label 1, or
        logit: of logits. Exactly one of the two.
        weight: of numbers >= 0 that say how much a row counts.
        group: of what parts the rows into groups; any text or number.

    Returns:
        The predictions, in the order of the file.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: there is no such file, or it cannot be read whole, has no such column or no
            rows; a value is missing, no number or out of range; all labels are alike.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.csv")
        ...     _ = path.write_text("id,ill,p\na,0,0.25\nb,1,0.5\n")
        ...     read_predictions(path, label="ill", prob="p").probs
        array([0.25, 0.5 ])
    """
    if (prob is None) == (logit is None):
        given = "neither" if prob is None else "both"
        raise ValueError(f"give exactly one of --prob and --logit; {given} came")
    names = [name for name in (label, prob, logit, weight, group) if name is not None]
    check_asked(names)
    sheet = read_columns(path, names)
    weights = None if weight is None else read_weights(sheet, weight)
    return Predictions(
        read_labels(sheet, label, weights),
        None if prob is None else _probs(sheet, prob),
        None if logit is None else sheet.numbers(logit),
        weights,
        None if group is None else _groups(sheet, group),
    )


def _probs(sheet: Sheet, name: str) -> np.ndarray:
    probs = sheet.numbers(name, advice="; probabilities lie in [0, 1]")
    try:
        check_probs(probs)
    except ValueError as error:
        advice = str(error).replace("logits go to the functions that take logits", "is it --logit?")
        raise sheet.fault(name, advice, np.abs(probs - 0.5)) from None
    return np.clip(probs, 0, 1)  # what check_probs lets pass is rounding


def _groups(sheet: Sheet, name: str) -> np.ndarray:
    groups = sheet.text(name)
    count = len(np.unique(groups))
    if count > MOST_GROUPS:
        raise sheet.fault(name, f"{count} groups; --group takes up to {MOST_GROUPS}")
    return groups
