r"""Where a loss is looked at, and what is right there.

On logits, with X the largest |x| at which exp(-x) is still a normal number of the dtype:

    left tail, right tail    0.98 X to 4, half at even steps, half drawn
    around 0                 +-(sqrt of the smallest number to 4), half at even steps in log x,
                             half drawn above 0.1
    near sigmoid(x) = y      for a soft label: its logit, and a few units beside it
    far out                  1.02 X to the largest number, where derivatives are 0 or 1

On probabilities: near 0 (smallest normal number to 0.01), the middle, near 1 (1 - p from one unit
to 0.01), and p = y.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.analysis.double_double import Extended
from bcejax.analysis.oracle import exact_values

FAR = "far out"


class Points(NamedTuple):
    """Scores and labels, exact in the dtype, and the region that each belongs to."""

    scores: tuple[float, ...]
    labels: tuple[float, ...]
    regions: tuple[str, ...]

    def where(self, keep: np.ndarray) -> "Points":
        """Those points."""
        return Points(*(tuple(np.array(each, object)[keep]) for each in self))


def points_of(form: str, labels: tuple[float, ...], dtype: np.dtype) -> Points:
    """The points at which accuracy is judged.

    Args:
        form: "logits" or "probs".
        labels: numbers in [0, 1]; rounded to the dtype here.
        dtype: a floating dtype.

    Example:
        >>> points_of("probs", (0.25,), np.dtype("float32")).regions[-1]
        'p = y'
    """
    rounded = np.array(labels).astype(dtype).astype(float)
    regions = _regions_of_logits(dtype) if form == "logits" else _regions_of_probs(dtype)
    rows = [
        (float(x), float(y), region)
        for y in rounded
        for region, scores in (regions | _minimum(form, y, dtype)).items()
        for x in np.unique(np.array(scores).astype(dtype).astype(float))
    ]
    return Points(*zip(*rows, strict=True))


@functools.lru_cache(maxsize=256)
def exact_at(
    quantity: str, form: str, scores: tuple[float, ...], labels: tuple[float, ...]
) -> Extended:
    """What is right there, remembered from one audit to the next.

    Example:
        >>> exact_at("gradient", "logits", (0.0,), (1.0,)).float64()
        array([-0.5])
    """
    return exact_values(quantity, np.array(scores), np.array(labels), domain=form)


def _regions_of_logits(dtype: np.dtype) -> dict[str, np.ndarray]:
    info = jnp.finfo(dtype)
    edge = -float(np.log(float(info.smallest_normal)))
    draw = np.random.default_rng(0).uniform
    tail = [*np.linspace(4, 0.98 * edge, 24), *draw(4, 0.98 * edge, 24)]
    near = [*np.geomspace(float(info.smallest_subnormal) ** 0.5, 4, 24), *draw(0.1, 4, 24)]
    far = np.geomspace(1.02 * edge, float(info.max) / 4, 6)
    return {
        "left tail": np.negative(tail),
        "right tail": np.array(tail),
        "around 0": np.concatenate([np.negative(near), near]),
        FAR: np.concatenate([-far, far]),
    }


def _regions_of_probs(dtype: np.dtype) -> dict[str, np.ndarray]:
    info = jnp.finfo(dtype)
    return {
        "near 0": np.geomspace(float(info.smallest_normal), 0.01, 32),
        "the middle": np.linspace(0.01, 0.99, 49),
        "near 1": 1 - np.geomspace(float(info.epsneg), 0.01, 32),
    }


def _minimum(form: str, label: float, dtype: np.dtype) -> dict[str, np.ndarray]:
    """Where the gradient of a soft label vanishes."""
    if label in (0.0, 0.5, 1.0):
        return {}
    if form == "probs":
        return {"p = y": np.array([label])}
    beside = float(jnp.finfo(dtype).eps) * np.array([-64, -2, -1, 0, 1, 2, 64])
    return {"near sigmoid(x) = y": np.log(label / (1 - label)) * (1 + beside)}
