"""The exact optimum of logistic regression, and what rounding leaves of its gradient.

Newton's method on the closed forms of bcejax.analysis. Coefficients b have the intercept last.
"""

from typing import Any

import numpy as np

from bcejax.analysis import logistic_gradient, logistic_hessian
from bcejax.analysis.logistic_regression import residual
from bcejax.data import Batch
from bcejax.data.records import Array

UNIT = np.finfo(np.float64).eps / 2


def newton(batch: Batch, *, penalty: float = 0.0, dtype: Any = np.longdouble) -> np.ndarray:
    """The optimal coefficients, the intercept last, with gradients in ``dtype``."""
    ridge = penalties(batch, penalty)
    b = np.zeros(len(ridge))
    for _ in range(50):
        at = (batch.inputs, batch.labels, b[:-1], b[-1])
        gradient = logistic_gradient(*at, dtype=dtype) + ridge * b
        hessian = logistic_hessian(*at, dtype=np.float64) + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient.astype(np.float64))
        b = b - step
        if np.max(np.abs(step)) <= 1e-10 * np.max(np.abs(b)):  # the next would be its square
            break
    return b


def recalibration(logits: np.ndarray, labels: Array) -> np.ndarray:
    """Slope and intercept of the best affine map of the logits."""
    return newton(Batch(logits[:, None], labels))


def logits_of(inputs: Array, b: np.ndarray) -> np.ndarray:
    """Logits in longdouble."""
    return np.asarray(inputs, np.longdouble) @ b[:-1] + b[-1]


def left_by_rounding(batch: Batch, b: np.ndarray, *, penalty: float = 0.0) -> np.ndarray:
    """What each entry of the gradient may be at float64 numbers next to the optimum."""
    inputs, labels = (np.asarray(each) for each in batch[:2])
    design = np.abs(np.column_stack([inputs, np.ones_like(labels)]))
    n, columns = design.shape
    hessian = logistic_hessian(inputs, labels, b[:-1], b[-1]) + np.diag(penalties(batch, penalty))
    wrong = np.abs(residual(logits_of(inputs, b), labels))
    terms = design.T @ (wrong * (1 + design @ np.abs(b))) / n
    own = (n + columns + 19) * np.finfo(np.longdouble).eps  # as bcejax.analysis states it
    return UNIT * np.abs(hessian) @ np.abs(b) + own * terms


def penalties(batch: Batch, penalty: float) -> np.ndarray:
    """The penalty on each coefficient; the intercept has none."""
    return np.append(np.full(batch.inputs.shape[1], penalty), 0.0)
