"""How far each way's answer is from float64: what is timed must be the same thing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.speed_of_losses.setting import BOTH, GRADIENT, HESSIAN, VALUE, Call, Data


def differences(calls: Mapping[tuple[str, str], Call], data: Data) -> dict[tuple[str, str], float]:
    """The largest difference of each answer, the gradient's times n.

    Relative for the mean, absolute for derivatives, which are 1 and 1/4 at most.
    """
    right = _in_float64(data)
    return {
        (what, way): max(
            _difference(part, got, right) for part, got in _parts(what, call(), data).items()
        )
        for (what, way), call in calls.items()
    }


def _in_float64(data: Data) -> dict[str, np.ndarray]:
    x, y = data.logits.astype(np.float64), data.labels.astype(np.float64)
    decay = np.exp(-np.abs(x))
    small = decay / (1 + decay)
    losses = np.where(x > 0, 1 - y, y) * np.abs(x) + np.log1p(decay)
    return {
        VALUE: losses.mean(),
        GRADIENT: np.where(x > 0, 1 - small, small) - y,
        HESSIAN: small * (1 - small),
    }


def _parts(what: str, answer: Any, data: Data) -> dict[str, Any]:
    """The quantities in an answer, the gradient not divided by n."""
    if what == BOTH:
        value, gradient = answer
        return {VALUE: value, **_parts(GRADIENT, gradient, data)}
    if what == GRADIENT:
        return {GRADIENT: np.asarray(answer) * np.float32(data.logits.size)}
    return {what: answer}


def _difference(what: str, got: Any, right: Mapping[str, np.ndarray]) -> float:
    scale = right[VALUE] if what == VALUE else 1.0
    return float(np.max(np.abs(np.asarray(got) - right[what])) / scale)
