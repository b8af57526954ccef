"""What samples of the examples tell: params near the optimum; and B, the inverse of a hessian.

Newton's method on a small sample, then a step on one four times as large.  Steps are held against
the slope along them, for values would take a logarithm of every example.
"""

from typing import NamedTuple

import numpy as np

from bcejax.solvers.engines.blockwise import Blockwise, Narrow
from bcejax.solvers.engines.factor import scaled_factor

FINER = 4  # times as many examples in the next sample
FEWEST = 24  # examples of a sample for each param
ENOUGH = 32  # the same, where more cost no less than steps of all
STEPS = 24
SLOPE_LEFT = 0.9  # of that before a step, at most, once it has turned


class Metric(NamedTuple):
    """B, the inverse of a hessian."""

    inverse: np.ndarray  # (p, p)
    least: float  # the smallest pivot of the hessian with its diagonal made 1

    @classmethod
    def of(cls, hessian: np.ndarray) -> "Metric":
        """Of a hessian; nan where it has no inverse.

        Example:
            >>> Metric.of(np.diag([4.0, 1.0])).inverse.round(3)
            array([[0.25, 0.  ],
                   [0.  , 1.  ]])
        """
        lower, scale, least = scaled_factor(hessian)
        if not np.isfinite(lower).all():
            return cls(np.full_like(hessian, np.nan), 0.0)
        root = np.linalg.inv(lower) * scale
        return cls(root.T @ root, float(least))

    def taught(self, step: np.ndarray, change: np.ndarray) -> "Metric":
        """B that takes the change of gradient to the step that made it (BFGS)."""
        along = step @ change
        if not along > np.finfo(float).eps * np.sqrt((step @ step) * (change @ change)):
            return self
        image = self.inverse @ change / along
        crossed = np.outer(step, (1 / along + change @ image / along) / 2 * step - image)
        return self._replace(inverse=self.inverse + crossed + crossed.T)


def from_samples(whole: Blockwise, stride: int) -> np.ndarray:
    """Params near the optimum, from every so manieth example."""
    coarse = FINER * stride
    if whole.kept is not None:
        stride = coarse = max(1, len(whole.inputs) // (ENOUGH * len(whole.sizes)))
    elif len(whole.inputs) // coarse < FEWEST * len(whole.sizes):
        coarse = stride
    sample = whole.narrow(slice(coarse // 2, None, coarse))
    # in a row they are read faster, again and again
    sample = sample._replace(rows=np.ascontiguousarray(sample.rows))
    params = _minimise(sample, whole.ridge)
    if coarse > stride:
        gradient, hessian = whole.curvature(params, stride)
        params = params - Metric.of(hessian).inverse @ gradient
    return params


def _minimise(sample: Narrow, ridge: np.ndarray) -> np.ndarray:
    """The optimum of a sample as well as the sample knows it."""
    m, p = sample.rows.shape
    enough = 2 * p / m  # decrement; twice what chance makes it

    params, step, slope, size = np.zeros(p), np.zeros(p), -np.inf, 1.0
    room, weight = np.empty_like(sample.rows), sample.weight
    for _ in range(STEPS):
        trial = params + size * step
        gradient, hessian = sample.derivatives(trial, room)
        gradient = gradient / weight + ridge * trial
        # along a step downwards the slope of a convex function rises; not by too much
        if not gradient @ step <= -SLOPE_LEFT * slope:
            size /= 4
            continue
        step = _step(hessian / weight, ridge, gradient)
        params, slope, size = trial, float(gradient @ step), 1.0
        if not slope < -enough:
            break
    return params + size * step


def _step(hessian: np.ndarray, ridge: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Newton's; 0 along a column that the sample does not have, nan where there is none."""
    hessian.flat[:: len(ridge) + 1] += np.where(np.diagonal(hessian) > 0, ridge, 1)
    try:
        return np.linalg.solve(hessian, -gradient)
    except np.linalg.LinAlgError:
        return np.full_like(gradient, np.nan)
