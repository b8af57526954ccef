"""Time and memory of one way's calls, in the process where it works."""

from typing import NamedTuple

import numpy as np

from experiments.apart import burst_of, cost_of
from experiments.memory_of_fusion.setting import Config, draw
from experiments.memory_of_fusion.ways import Way, way_of

SAMPLE = 500  # labels of which the kernel's gradient is compared
SMALL = (64, 512)


class First(NamedTuple):
    """What the first call of a way took and gave."""

    seconds: float
    extra: int  # bytes of memory beside the arguments
    labels: int  # bytes of the labels
    temporaries: int | None  # bytes, by XLA's account
    outputs: int | None
    answer: tuple[np.ndarray, ...]  # value, gradients in features, in some of the kernel, in bias


_ways: dict[str, Way] = {}


def first(name: str, shape: tuple[int, int], config: Config) -> First:
    """Draw the numbers, and make the first call."""
    way_of(name, draw(SMALL, config), config.chunk).call()  # what libraries load is not the head's
    way = _ways[name] = way_of(name, draw(shape, config), config.chunk)
    seconds, extra, (value, in_features, in_kernel, in_bias) = cost_of(way.call)
    some = slice(None, None, max(1, shape[1] // SAMPLE))
    answer = tuple(np.asarray(each) for each in (value, in_features, in_kernel[:, some], in_bias))
    return First(seconds, extra, way.labels, way.temporaries, way.outputs, answer)


def burst(name: str, calls: int) -> list[float]:
    """Seconds of calls in a row."""
    return burst_of(_ways[name].call, calls)
