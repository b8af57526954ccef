"""Calls timed by turns: what slows the machine for a while slows all of them alike."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from experiments import Track
from experiments.speed_of_losses.setting import Call, Config
from experiments.timing import Times, seconds_of

Name = TypeVar("Name", bound=Hashable)


def race(calls: Mapping[Name, Call], config: Config, track: Track, what: str) -> dict[Name, Times]:
    """Each call once by itself, then bursts of it by turns.

    The first call of a burst is not counted: it wakes the threads, and meanwhile those of another
    library, which spin for a while when their work has ended, go to sleep.
    """
    first = {name: seconds_of(calls[name]) for name in track(tuple(calls), f"{what}, compiling")}
    warm: dict[Name, list[float]] = {name: [] for name in calls}
    for _ in track(range(config.turns), f"{what}, turns"):
        for name, call in calls.items():
            call()
            warm[name] += [seconds_of(call) for _ in range(config.calls)]
    return {name: Times(first[name], np.array(warm[name])) for name in calls}
