"""Calls timed by turns: what slows the machine for a while slows all of them alike."""

import time
from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from experiments import Track
from experiments.speed_of_losses.setting import Call, Config

Name = TypeVar("Name", bound=Hashable)


class Times(NamedTuple):
    """Seconds of one call."""

    first: float  # the first call, which traces and compiles
    warm: np.ndarray  # (turns * calls,)

    @property
    def median(self) -> float:
        """Of the warm calls."""
        return float(np.median(self.warm))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The middle half of the warm calls lies between."""
        low, high = np.quantile(self.warm, [0.25, 0.75])
        return float(low), float(high)


def race(calls: Mapping[Name, Call], config: Config, track: Track, what: str) -> dict[Name, Times]:
    """Each call once by itself, then bursts of it by turns.

    The first call of a burst is not counted: it wakes the threads, and meanwhile those of another
    library, which spin for a while when their work has ended, go to sleep.
    """
    first = {name: _seconds(calls[name]) for name in track(tuple(calls), f"{what}, compiling")}
    warm: dict[Name, list[float]] = {name: [] for name in calls}
    for _ in track(range(config.turns), f"{what}, turns"):
        for name, call in calls.items():
            call()
            warm[name] += [_seconds(call) for _ in range(config.calls)]
    return {name: Times(first[name], np.array(warm[name])) for name in calls}


def _seconds(call: Call) -> float:
    """Of a call, with giving back the memory of what it returns."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
