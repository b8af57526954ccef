"""Times of one way's calls, in the process where it works."""

from typing import NamedTuple

import jax
import numpy as np

from experiments.apart import burst_of
from experiments.speed_of_training.peers import PEERS
from experiments.speed_of_training.setting import Task, draw
from experiments.speed_of_training.ways import WAYS, Way
from experiments.timing import seconds_of

MOMENT = 0.1  # seconds


class First(NamedTuple):
    """How long the first call of a way took, and where the same steps as ours lead."""

    seconds: float
    course: np.ndarray  # (epochs,) mean losses


_ways: dict[str, Way] = {}


def first(name: str, task: Task, seed: int) -> First:
    """Draw the data, and make the first call."""
    make = WAYS[name] if name in WAYS else PEERS[name].make
    with jax.enable_x64(False):
        way = _ways[name] = make(task, draw(task, seed))
        return First(seconds_of(way.train), way.course())


def burst(name: str, calls: int) -> list[float]:
    """Seconds of so many calls in a row, or more where they are over in a moment.

    After a pause of seconds a call of two milliseconds takes three.
    """
    taken: list[float] = []
    with jax.enable_x64(False):
        while len(taken) < calls or sum(taken) < MOMENT:
            taken += burst_of(_ways[name].train, calls)
    return taken
