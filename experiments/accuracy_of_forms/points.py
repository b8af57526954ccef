"""Where the forms are looked at: logits and labels of one dtype, region by region.

A tail begins where 1 - s(x) has lost half of its digits, at |x| = ln(1 / eps) / 2, and ends before
the derivatives, which fall like exp(-|x|), are below the smallest normal number.  A soft label has
a minimum inside, at x = ln(y / (1 - y)), where the gradient vanishes.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

LEFT, MIDDLE, ZERO, RIGHT = "left tail", "middle", "around 0", "right tail"
MINIMUM = "soft minimum"
REGIONS = (LEFT, MIDDLE, ZERO, RIGHT, MINIMUM)
KNOWN = "known faults"

SOFT = 0.3
LABELS = (0.0, 1.0, SOFT)
EDGES = {"float32": 87.0, "float64": 700.0, "bfloat16": 87.0, "float16": 9.5}
NEAR = 0.25  # half the width of the region around the minimum
KNOWN_LOGITS = (-30.0, -20.0, 0.0, 20.0, 30.0, 40.0, 80.0, 100.0)


class Points(NamedTuple):
    """Logits and labels of one dtype, and the region that each logit belongs to."""

    logits: np.ndarray  # (n,)
    labels: np.ndarray  # (n,)
    regions: np.ndarray  # (n,) of str

    def of(self, label: float, region: str) -> np.ndarray:
        """Where in the arrays the points of a label in a region stand."""
        same = self.labels == np.asarray(label, self.labels.dtype)
        return np.flatnonzero(same & (self.regions == region))

    def at(self, logit: float, label: float) -> int:
        """Where the point stands at which a fault is known."""
        return int(self.of(label, KNOWN)[KNOWN_LOGITS.index(logit)])


def points_of(dtype: str, count: int) -> Points:
    """The points of every label, about ``count`` in each region."""
    parts = [
        (logits, label, region)
        for label in LABELS
        for region, logits in _regions(dtype, label, count).items()
    ]
    logits, labels, regions = (
        np.concatenate([np.broadcast_to(part[i], part[0].shape) for part in parts])
        for i in range(3)
    )
    return Points(logits.astype(jnp.dtype(dtype)), labels.astype(jnp.dtype(dtype)), regions)


def _regions(dtype: str, label: float, count: int) -> dict[str, np.ndarray]:
    info = jnp.finfo(dtype)
    start, edge = tail_start(dtype), EDGES[dtype]
    tail = np.linspace(start, edge, count)
    small = np.geomspace(float(info.tiny) ** 0.5, 0.25, count // 2)
    middle = np.linspace(-start, start, count + 2)[1:-1]
    found = {
        LEFT: -tail,
        ZERO: np.concatenate([-small, [0.0], small]),
        RIGHT: tail,
        KNOWN: np.array(KNOWN_LOGITS),
    }
    if 0 < label < 1:
        away = np.geomspace(4 * float(info.eps), NEAR, count // 2)
        lowest = np.log(label) - np.log1p(-label)
        found[MINIMUM] = lowest + np.concatenate([-away, away])
        middle = middle[np.abs(middle - lowest) > NEAR]
    return found | {MIDDLE: middle[np.abs(middle) > small[-1]]}


def tail_start(dtype: str) -> float:
    """The |x| from which on 1 - s(x) has lost half of its digits."""
    return -float(np.log(float(jnp.finfo(dtype).eps))) / 2
