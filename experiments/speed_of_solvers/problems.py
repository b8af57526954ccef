r"""The data of each task, and how far an answer is from its optimum, in plain NumPy and float64.

Model m of a task minimises, over coefficients b and an intercept c that is not penalised,

    F_m(b, c) = sum_i v_mi l(x_i·b + c, y_i) + l2_m/2 |b|^2 + l1 |b|_1,     sum_i v_mi = 1

and every program's answer is judged by the same two numbers: F_m, and the largest component of its
gradient, with l1 of its subgradient that is nearest to 0.
"""

from typing import NamedTuple

import numpy as np

from experiments.speed_of_solvers.setting import BOOTSTRAP, FOLDS, L1, PATH, Task

LINE = 64  # bytes: from memory that starts at a multiple JAX takes an array without a copy


class Data(NamedTuple):
    """What a task fits; m models."""

    inputs: np.ndarray  # (n, d), not aligned for JAX, as NumPy's large arrays are not
    labels: np.ndarray  # (n,), 0 or 1
    counts: np.ndarray | None  # (m, n): how often each model has each example; None is once
    folds: np.ndarray | None  # (n,): which fold holds an example out
    l2: np.ndarray  # (m,)
    l1: float
    intercept: bool


def draw(task: Task, seed: int) -> Data:
    """Standard normal columns, logits of standard deviation 2, labels of the truth."""
    rng = np.random.default_rng(seed)
    n, d = task.examples, task.columns
    inputs = _correlated(rng.standard_normal((n, d)), task.correlation)
    truth = inputs @ rng.standard_normal(d)
    labels = (rng.random(n) < _sigmoid(2 * truth / truth.std())).astype(np.float64)
    counts, folds, l2, l1 = None, None, np.array([1 / n]), 0.0
    if task.kind == L1:
        l2 = np.zeros(1)
        l1 = task.of_largest * float(np.abs((0.5 - labels) @ inputs).max()) / n
    if task.kind == BOOTSTRAP:
        l2 = np.full(task.models, 1 / n)
        counts = rng.multinomial(n, np.full(n, 1 / n), task.models).astype(np.float64)
    if task.kind == PATH:
        folds = np.arange(n) % FOLDS
        counts = np.repeat(folds != np.arange(FOLDS)[:, None], task.models, axis=0).astype(float)
        l2 = np.tile(1 / (np.logspace(-4, 4, task.models) * (n - n // FOLDS)), FOLDS)
    return Data(placed(inputs, 16), labels, counts, folds, l2, l1, task.intercept)


def _correlated(normal: np.ndarray, correlation: float) -> np.ndarray:
    """Columns of which neighbours have this correlation, each of variance 1."""
    for j in range(1, normal.shape[1] if correlation else 0):
        normal[:, j] *= np.sqrt(1 - correlation**2)
        normal[:, j] += correlation * normal[:, j - 1]
    return normal


def placed(array: np.ndarray, past: int) -> np.ndarray:
    """A copy that starts so many bytes past a multiple of 64."""
    room = np.empty(array.nbytes + 2 * LINE, np.uint8)
    start = -room.ctypes.data % LINE + past
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def gradient_norms(data: Data, params: np.ndarray) -> np.ndarray:
    """How far each model (m, d + 1), the intercept last, is from stationary, (m,)."""
    coefficients = params[:, :-1]
    slopes = _shares(data) * (_sigmoid(_logits(data, params)) - data.labels)
    gradient = slopes @ data.inputs + data.l2[:, None] * coefficients
    # at 0 the l1 part may be anything between -l1 and l1
    moved = gradient + data.l1 * np.sign(coefficients)
    at_zero = np.maximum(np.abs(gradient) - data.l1, 0)
    largest = np.max(np.where(coefficients == 0, at_zero, np.abs(moved)), axis=1)
    return np.maximum(largest, np.abs(slopes.sum(axis=1))) if data.intercept else largest


def values(data: Data, params: np.ndarray) -> np.ndarray:
    """F of each model, (m,)."""
    logits, coefficients = _logits(data, params), params[:, :-1]
    with np.errstate(invalid="ignore"):  # what has diverged has no value
        losses = np.logaddexp(0, logits) - data.labels * logits
    penalty = data.l2 / 2 * np.sum(coefficients**2, axis=1)
    sizes = data.l1 * np.sum(np.abs(coefficients), axis=1)
    return np.sum(_shares(data) * losses, axis=1) + penalty + sizes


def _logits(data: Data, params: np.ndarray) -> np.ndarray:
    return params[:, :-1] @ data.inputs.T + params[:, -1:]


def _shares(data: Data) -> np.ndarray:
    """v, (m, n) or a number."""
    if data.counts is None:
        return np.array(1 / len(data.labels))
    return data.counts / data.counts.sum(axis=1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(logits / 2)) / 2
