"""Time and memory of one way's calls, in the process where it works.

The memory of a call is the process's high water while it runs, less what it held before; Linux can
be told to forget the high water of what came before (proc(5), clear_refs).
"""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.memory_of_fusion.setting import Config, draw
from experiments.memory_of_fusion.ways import Way, way_of
from experiments.timing import seconds_of, timed

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


def stay_on_cpu() -> None:
    """Before JAX is imported: the memory of other devices is not the process's."""
    os.environ["JAX_PLATFORMS"] = "cpu"


def first(name: str, shape: tuple[int, int], config: Config) -> First:
    """Draw the numbers, and make the first call."""
    way_of(name, draw(SMALL, config), config.chunk).call()  # what libraries load is not the head's
    way = _ways[name] = way_of(name, draw(shape, config), config.chunk)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _high_water()
    seconds, (value, in_features, in_kernel, in_bias) = timed(way.call)
    extra = _high_water() - before
    some = slice(None, None, max(1, shape[1] // SAMPLE))
    answer = tuple(np.asarray(each) for each in (value, in_features, in_kernel[:, some], in_bias))
    return First(seconds, extra, way.labels, way.temporaries, way.outputs, answer)


def burst(name: str, calls: int) -> list[float]:
    """Seconds of calls in a row, after one that wakes the threads."""
    seconds_of(_ways[name].call)
    return [seconds_of(_ways[name].call) for _ in range(calls)]


def _high_water() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
