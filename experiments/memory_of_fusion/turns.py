"""All ways to one head, each in a process of its own, timed by turns."""

from typing import NamedTuple

from experiments import Track
from experiments.apart import by_turns, crew
from experiments.memory_of_fusion import bench
from experiments.memory_of_fusion.bench import First
from experiments.memory_of_fusion.setting import Config
from experiments.memory_of_fusion.ways import ways_here
from experiments.timing import Times


class Run(NamedTuple):
    """A way to a head."""

    shape: tuple[int, int]
    way: str
    first: First
    times: Times


def race(shape: tuple[int, int], config: Config, track: Track) -> list[Run]:
    """First calls one after the other, then calls by turns."""
    with crew(ways_here(), apart=config.apart) as workers:
        found = by_turns(
            workers,
            bench.first,
            (shape, config),
            bench.burst,
            turns=config.turns,
            calls=config.calls,
            track=track,
            what=f"{shape[0]} examples, {shape[1]} labels",
        )
    return [Run(shape, way, first, times) for way, (first, times) in found.items()]
