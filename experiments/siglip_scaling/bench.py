"""Time and memory of one way's calls, in the process where it works."""

from typing import NamedTuple

import numpy as np

from experiments.apart import burst_of, cost_of
from experiments.siglip_scaling.settings import draw
from experiments.siglip_scaling.ways import Way, way_of


class First(NamedTuple):
    """What the first call of a way took and gave."""

    seconds: float
    extra: int  # bytes of the process beside what it held before
    temporaries: int | None  # bytes, by XLA's account
    answer: tuple[np.ndarray, ...]  # the loss, its gradients in images, texts, scale and bias


_ways: dict[str, Way] = {}  # one, in a process of its own


def first(name: str, images: int, size: int, seed: int) -> First:
    """Draw the embeddings, and make the first call."""
    if name not in _ways:
        way_of(name, draw(8, size, seed)).call()  # what a library sets up once is not the loss's
    _ways.pop(name, None)  # before other embeddings come
    way = _ways[name] = way_of(name, draw(images, size, seed))
    cost = cost_of(way.call)
    answer = tuple(np.asarray(each) for each in cost.answer)
    return First(cost.seconds, cost.extra, way.temporaries, answer)


def burst(name: str, calls: int) -> list[float]:
    """Seconds of calls in a row."""
    return burst_of(_ways[name].call, calls)
