"""The hessian of a working set of columns, with what can be kept of it from step to step; NumPy.

For columns X, each divided by its scale, and curvatures D > 0 of the examples, H = X'DX.  Columns
times sqrt(D) are kept in the dtype of H, so that a set that grows takes the new rows of H alone,
and a set that shrinks none.  D stands until it has moved by a share of STALE, for H only shapes the
steps; then, or always where H takes no more than a few passes over the inputs, all is taken anew.
"""

from typing import Any

import numpy as np

from bcejax.solvers.matrices import dense

STALE = 0.1
FEW = 256  # columns of which all are taken as soon as a quarter is wanted
CHEAP = 8  # passes over the inputs that a step saves at least
ROWS = 1024  # that are gathered at a time, in cache


class KeptHessian:
    """H of one problem; params' index d is the intercept, a column of ones."""

    def __init__(self, inputs: Any, scales: np.ndarray, dtype: Any) -> None:
        self._inputs, self._scales, self._dtype = inputs, scales, dtype
        self._curvatures = np.zeros(inputs.shape[0])
        self._keep(np.zeros(0, int), np.zeros((inputs.shape[0], 0), dtype))

    def of(self, wanted: np.ndarray, curvatures: np.ndarray) -> np.ndarray:
        """H (m, m) of the wanted params, float32 or float64."""
        moved = np.sum(np.abs(curvatures - self._curvatures))
        cheap = len(wanted) ** 2 <= CHEAP * self._inputs.shape[1]
        if moved > (0 if cheap else STALE) * np.sum(curvatures):
            self._renew(wanted, curvatures)
        if np.any(self._places[wanted] < 0):
            whole = np.arange(len(self._places)) if self._most(wanted) else wanted
            self._add(whole[self._places[whole] < 0])
        places = self._places[wanted]
        return self._hessian[np.ix_(places, places)]

    def moved(self, wanted: np.ndarray, step: np.ndarray) -> np.ndarray:
        """X step of the wanted params, (n,), to the precision of H."""
        whole = np.zeros(self._columns.shape[1], self._dtype)
        whole[self._places[wanted]] = step
        return (self._columns @ whole) / np.sqrt(self._curvatures)

    def _most(self, wanted: np.ndarray) -> bool:
        d = self._inputs.shape[1]
        return d <= FEW and 4 * len(wanted) > d

    def _renew(self, wanted: np.ndarray, curvatures: np.ndarray) -> None:
        """Take over the wanted columns that are there, with the new D."""
        whole = np.arange(len(self._places)) if self._most(wanted) else wanted
        known = whole[self._places[whole] >= 0]
        columns = np.take(self._columns, self._places[known], axis=1)
        if len(known):
            columns *= np.sqrt(curvatures / self._curvatures).astype(self._dtype)[:, None]
        self._curvatures = curvatures
        self._keep(known, columns)

    def _keep(self, known: np.ndarray, columns: np.ndarray) -> None:
        self._places = np.full(self._inputs.shape[1] + 1, -1)
        self._places[known] = np.arange(len(known))
        self._columns, self._hessian = columns, columns.T @ columns

    def _add(self, new: np.ndarray) -> None:
        kept = self._columns.shape[1]
        self._places[new] = np.arange(kept, kept + len(new))
        gathered = self._gathered(new)
        if not kept:
            self._columns, self._hessian = gathered, gathered.T @ gathered
            return
        self._columns = np.concatenate([self._columns, gathered], axis=1)
        rows = self._columns[:, kept:].T @ self._columns
        self._hessian = np.block([[self._hessian, rows[:, :kept].T], [rows]])

    def _gathered(self, new: np.ndarray) -> np.ndarray:
        """New columns over their scales, times sqrt(D)."""
        d = self._inputs.shape[1]
        roots = np.sqrt(self._curvatures)[:, None]
        gathered = np.empty((len(roots), len(new)), self._dtype)
        data = new < d
        for i in range(0, len(roots), ROWS):
            rows = slice(i, i + ROWS)
            part = self._inputs[rows]
            part = part[:, new[data]] if np.sum(data) < d else part
            gathered[rows, data] = dense(part) * (roots[rows] / self._scales[new[data]])
        gathered[:, ~data] = roots
        return gathered
