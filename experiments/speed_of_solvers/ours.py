"""Each task by bcejax: from NumPy, in float64, with every check."""

from typing import Any

import jax
import numpy as np

from bcejax.solvers import bootstrap_logistic, cross_validate, fit_logistic, weighted_fits
from experiments.speed_of_solvers.peers import Call
from experiments.speed_of_solvers.problems import Data, placed
from experiments.speed_of_solvers.setting import (
    ALIGNED,
    BOOTSTRAP,
    DRAWN,
    FOLDS,
    L1,
    L2,
    PATH,
    TOLERANCE,
    Task,
)


def ways_of_ours(task: Task, data: Data) -> dict[str, Call]:
    """The plain way is named ""."""
    if task.kind in {L2, L1}:
        aligned = placed(data.inputs, 0)
        return {"": lambda: _fit(data, data.inputs), ALIGNED: lambda: _fit(data, aligned)}
    if task.kind == BOOTSTRAP:
        return {"": lambda: _weighted(data), DRAWN: lambda: _bootstrap(data)}
    return {"": lambda: _path(data)} if task.kind == PATH else {}


def _params(fitted: Any) -> np.ndarray:
    """Of a solution, or of many."""
    coefficients, intercepts = np.asarray(fitted.coefficients), np.asarray(fitted.intercept)
    params = np.concatenate([coefficients, intercepts[..., None]], axis=-1)
    return params.reshape(-1, params.shape[-1])


def _fit(data: Data, inputs: np.ndarray) -> np.ndarray:
    return _params(
        fit_logistic(
            inputs,
            data.labels,
            l2=data.l2[0],
            l1=data.l1,
            intercept=data.intercept,
            tol=TOLERANCE,
        )
    )


def _weighted(data: Data) -> np.ndarray:
    assert data.counts is not None
    return _params(
        weighted_fits(data.inputs, data.labels, data.counts, l2=data.l2[0], tol=TOLERANCE)
    )


def _bootstrap(data: Data) -> np.ndarray:
    assert data.counts is not None
    return _params(
        bootstrap_logistic(
            data.inputs,
            data.labels,
            key=jax.random.key(0),
            n_resamples=len(data.counts),
            l2=data.l2[0],
            tol=TOLERANCE,
        )
    )


def _path(data: Data) -> np.ndarray:
    grid = data.l2[: len(data.l2) // FOLDS]
    assert data.folds is not None
    found = cross_validate(data.inputs, data.labels, folds=data.folds, grid=grid, tol=TOLERANCE)
    # its fits are by penalty, then fold
    return _params(jax.tree.map(lambda each: np.swapaxes(each, 0, 1), found.fits))
