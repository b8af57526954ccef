"""Time and memory of one way's calls, in the process where it works.

The memory of a call is the process's high water while it runs, less what it held before; Linux is
told to give back what is free, and to forget the high water of what came before.
"""

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.siglip_scaling.settings import draw
from experiments.siglip_scaling.ways import Way, way_of
from experiments.timing import seconds_of, timed


class First(NamedTuple):
    """What the first call of a way took and gave."""

    seconds: float
    extra: int  # bytes of the process beside what it held before
    temporaries: int | None  # bytes, by XLA's account
    answer: tuple[np.ndarray, ...]  # the loss, its gradients in images, texts, scale and bias


_ways: dict[str, Way] = {}  # one, in a process of its own


def stay_on_cpu() -> None:
    """Before JAX is imported: the memory of other devices is not the process's."""
    os.environ["JAX_PLATFORMS"] = "cpu"


def first(name: str, images: int, size: int, seed: int) -> First:
    """Draw the embeddings, and make the first call."""
    if name not in _ways:
        way_of(name, draw(8, size, seed)).call()  # what a library sets up once is not the loss's
    _ways.pop(name, None)  # before other embeddings come
    way = _ways[name] = way_of(name, draw(images, size, seed))
    with suppress(OSError, AttributeError):  # where it is not Linux, the memory before counts
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    before = _high_water()
    seconds, answer = timed(way.call)
    extra = _high_water() - before
    return First(seconds, extra, way.temporaries, tuple(np.asarray(each) for each in answer))


def burst(name: str, calls: int) -> list[float]:
    """Seconds of calls in a row, after one that wakes the threads."""
    seconds_of(_ways[name].call)
    return [seconds_of(_ways[name].call) for _ in range(calls)]


def _high_water() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
