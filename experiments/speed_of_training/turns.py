"""All ways by turns, each in a process of its own that is blocked meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from experiments import Track
from experiments.apart import Crew, by_turns, crew
from experiments.speed_of_training import bench
from experiments.speed_of_training.peers import COMPILED, FUSED, PEERS
from experiments.speed_of_training.setting import TASKS, Config, Task
from experiments.speed_of_training.ways import WAYS
from experiments.timing import OURS, Times
from experiments.versions import version_of

EXAMPLES, WIDTH = "examples", "width"


class Found(NamedTuple):
    """One way at one task."""

    times: Times
    course: np.ndarray  # (epochs,) mean losses


class Raced(NamedTuple):
    """All that was timed."""

    tasks: dict[str, dict[str, Found]]  # by task and way
    curves: dict[str, dict[int, dict[str, Found]]]  # by what grows, how large it is, and way


def race(config: Config, track: Track) -> Raced:
    """Each task, then the points of each curve."""
    with _workers(config) as workers:
        tasks = {name: _lap(TASKS[name], workers, config, track) for name in config.tasks}
        few = {way: each for way, each in workers.items() if way in (OURS, FUSED)}
        grown = {
            EXAMPLES: {n: Task(8, 16, n, 32, 1) for n in config.examples},
            WIDTH: {width: Task(100, width, 4096, 1024, 1) for width in config.widths},
        }
        curves = {
            what: {size: _lap(task, few, config, track) for size, task in points.items()}
            for what, points in grown.items()
            if points
        }
    return Raced(tasks, curves)


@contextmanager
def _workers(config: Config) -> Iterator[Crew]:
    """Who has each way that is installed."""
    peers = [
        way
        for way, peer in PEERS.items()
        if (config.compiled if way == COMPILED else config.peers) and version_of(peer.package)
    ]
    with crew([*WAYS, *peers], apart=config.peers) as workers:
        yield workers


def _lap(task: Task, workers: Crew, config: Config, track: Track) -> dict[str, Found]:
    found = by_turns(
        workers,
        bench.first,
        (task, config.seed),
        bench.burst,
        turns=config.turns,
        calls=config.calls,
        track=track,
        what=task.name,
    )
    return {way: Found(times, first.course) for way, (first, times) in found.items()}
