"""Who says that labels are separated: a linear program, our solver, scikit-learn."""

import warnings
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import linprog

from bcejax.numerics import require
from bcejax.solvers import SolverStatus, fit_logistic
from experiments import Track
from experiments.separation.settings import Config, Kind, draw, kinds_of

OF_SCIKIT = ("lbfgs", "newton-cholesky")


class Opinions(NamedTuple):
    """On the data sets of one kind, an entry for each (trials,)."""

    truth: np.ndarray  # bool: the linear program's
    status: np.ndarray  # ours, named by SolverStatus
    margin: np.ndarray  # the smallest of s_i (x_i·u + u_0), nan where no direction is given
    reach: np.ndarray  # the largest of them
    largest: Mapping[str, np.ndarray]  # by program: the largest |logit| that it gives a row
    silent: Mapping[str, np.ndarray]  # by scikit-learn's solver: whether it warned of nothing

    @property
    def said(self) -> np.ndarray:
        """Whether we say that labels are separated."""
        return self.status == SolverStatus.SEPARATED


Found: TypeAlias = Mapping[Kind, Opinions]


def judge(config: Config, track: Track) -> Found:
    """All opinions."""
    return {kind: _opinions(kind, config) for kind in track(kinds_of(config), "data sets")}


def _opinions(kind: Kind, config: Config) -> Opinions:
    rows = []
    for inputs, labels in draw(kind, config):
        ours = fit_logistic(inputs, labels)
        firth = fit_logistic(inputs, labels, firth=True)
        margins = (2 * labels - 1) * (inputs @ ours.direction[:-1] + ours.direction[-1])
        given = ours.status == SolverStatus.SEPARATED
        rows.append(
            [
                is_separated(inputs, labels),
                int(ours.status),
                margins.min() if given else np.nan,
                margins.max() if given else np.nan,
                np.abs(inputs @ firth.coefficients + firth.intercept).max(),
                *(each for solver in OF_SCIKIT for each in _scikit(inputs, labels, solver)),
            ]
        )
    truth, status, margin, reach, firth, *others = np.array(rows, float).T
    return Opinions(
        truth.astype(bool),
        status.astype(int),
        margin,
        reach,
        {"firth": firth} | dict(zip(OF_SCIKIT, others[::2], strict=True)),
        dict(zip(OF_SCIKIT, (each.astype(bool) for each in others[1::2]), strict=True)),
    )


def is_separated(inputs: np.ndarray, labels: np.ndarray) -> bool:
    """By the linear program."""
    rows = np.column_stack([inputs, np.ones(len(inputs))]) * (2 * labels - 1)[:, None]
    bounds = [(None, None)] * rows.shape[1]
    within = np.vstack([rows, -rows])
    limits = np.r_[np.ones(len(rows)), np.zeros(len(rows))]
    best = linprog(-rows.sum(axis=0), A_ub=within, b_ub=limits, bounds=bounds, method="highs")
    return bool(-best.fun > 1e-6)


def _scikit(inputs: np.ndarray, labels: np.ndarray, solver: str) -> tuple[float, bool]:
    """The largest |logit| of a row, and whether it was returned without a warning."""
    linear_model = require("sklearn.linear_model", extra="sklearn", purpose="a peer's fit")
    if len(np.unique(labels)) == 1:
        return np.nan, False  # it refuses one class, which says it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = linear_model.LogisticRegression(C=np.inf, solver=solver).fit(inputs, labels)
    return float(np.abs(fitted.decision_function(inputs)).max()), not caught
