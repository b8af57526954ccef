"""A fitted logistic regression of named columns, and the file that keeps it.

With m_j and s_j the mean and scale of column j (0 and 1 where columns were taken as they are), b
the coefficients, c the intercept and V their covariance, a row x has

    standardised   u_j = (x_j - m_j) / s_j,   1 for the intercept
    logit          z = sum_j b_j u_j + c,     of standard error sqrt(u'V u)

The file is one NumPy archive, no pickle: arrays "coefficients" (d,), "intercept" (), "mean" (d,),
"scale" (d,) and, where it is known, "covariance" (d + 1, d + 1), the intercept last, all float64;
and under "bcejax_model" a JSON text of

    format    1
    features  names of the d columns
    label     name of the column of labels
    l2, l1    penalties, in the terms of bcejax.solvers.problem, of the standardised columns
    firth     whether the estimate is Firth's
    status    name of the SolverStatus
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bcejax.calibration.calibrators.files import read_archive, write_archive
from bcejax.data import Standardizer
from bcejax.solvers import SolverStatus

FORMAT = 1
HEADER = "bcejax_model"


class Model(NamedTuple):
    """A logistic regression of d named columns.

    Attributes:
        features: names of the columns.
        label: name of the column of labels.
        standardizer: what the columns went through before the fit; mean 0 and scale 1 for nothing.
        coefficients: (d,), of the columns that came out of it.
        intercept: ().
        covariance: (d + 1, d + 1) of both, the intercept last; None where it is not known.
        l2: of the fit, as is
        l1: and
        firth: whether it was Firth's.
        status: how it ended.
    """

    features: tuple[str, ...]
    label: str
    standardizer: Standardizer
    coefficients: np.ndarray
    intercept: np.ndarray
    covariance: np.ndarray | None = None
    l2: float = 0.0
    l1: float = 0.0
    firth: bool = False
    status: SolverStatus = SolverStatus.CONVERGED

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits (n,) of rows (n, d), columns in the order of ``features``."""
        return np.asarray(self.standardizer(inputs) @ self.coefficients + self.intercept)

    def errors(self, inputs: np.ndarray) -> np.ndarray | None:
        """Standard errors (n,) of the logits; None where the covariance is not known."""
        if self.covariance is None:
            return None
        rows = np.column_stack([self.standardizer(inputs), np.ones(len(inputs))])
        largest = np.max(np.abs(rows), axis=1)  # of shares of it no square overflows
        rows = rows / largest[:, None]
        variances = np.sum((rows @ self.covariance) * rows, axis=1)
        return largest * np.sqrt(np.maximum(variances, 0))  # rounding may leave -1e-20


def save_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to a file; one that exists is replaced, once the new one is whole.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.npz"
        >>> plain = Standardizer(np.zeros(1), np.ones(1))
        >>> save_model(Model(("age",), "ill", plain, np.array([0.5]), np.array(-1.0)), path)
        >>> load_model(path).logits(np.array([[40.0]]))
        array([19.])
    """
    about = {
        "format": FORMAT,
        "features": model.features,
        "label": model.label,
        "l2": model.l2,
        "l1": model.l1,
        "firth": model.firth,
        "status": model.status.name,
    }
    arrays = {
        "coefficients": model.coefficients,
        "intercept": model.intercept,
        "mean": np.asarray(model.standardizer.mean),
        "scale": np.asarray(model.standardizer.scale),
    }
    if model.covariance is not None:
        arrays["covariance"] = model.covariance
    write_archive(path, {HEADER: json.dumps(about), **arrays})


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model from a file, bit for bit.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no whole archive, holds no model, or one of a newer format.
    """
    path = Path(path)
    arrays = read_archive(path)
    try:
        about = json.loads(str(arrays[HEADER][()]))
        if about["format"] > FORMAT:
            raise ValueError(
                f"{path} has format {about['format']}, this bcejax reads up to {FORMAT}: update it"
            )
        d = len(about["features"])
        return Model(
            features=tuple(about["features"]),
            label=about["label"],
            standardizer=Standardizer(_floats(arrays, "mean", d), _floats(arrays, "scale", d)),
            coefficients=_floats(arrays, "coefficients", d),
            intercept=_floats(arrays, "intercept"),
            covariance=_floats(arrays, "covariance", d + 1, d + 1)
            if "covariance" in arrays
            else None,
            l2=float(about["l2"]),
            l1=float(about["l1"]),
            firth=bool(about["firth"]),
            status=SolverStatus[about["status"]],
        )
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{path} holds no model, or one that is not whole") from None


def _floats(arrays: dict[str, np.ndarray], name: str, *shape: int) -> np.ndarray:
    """An array of that shape.

    Raises:
        TypeError: it is another one.
    """
    array = arrays[name]
    if array.dtype != np.float64 or array.shape != shape:
        raise TypeError
    return array
