"""All ways to one head, each in a process of its own, timed by turns."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from experiments import Track
from experiments.memory_of_fusion import bench
from experiments.memory_of_fusion.bench import First
from experiments.memory_of_fusion.setting import Config
from experiments.memory_of_fusion.ways import ways_here
from experiments.timing import Times

Ask: TypeAlias = Callable[..., Any]  # a function of bench and its arguments to its answer


class Run(NamedTuple):
    """A way to a head."""

    shape: tuple[int, int]
    way: str
    first: First
    times: Times


def race(shape: tuple[int, int], config: Config, track: Track) -> list[Run]:
    """First calls one after the other, then calls by turns: the others are blocked meanwhile."""
    what = f"{shape[0]} examples, {shape[1]} labels"
    with crew(config) as asks:
        firsts = {
            way: asks[way](bench.first, way, shape, config)
            for way in track(tuple(asks), f"{what}, first calls")
        }
        warm: dict[str, list[float]] = {way: [] for way in asks}
        for _ in track(range(config.turns), f"{what}, turns"):
            for way, ask in asks.items():
                warm[way] += ask(bench.burst, way, config.calls)
    return [
        Run(shape, way, first, Times(first.seconds, np.array(warm[way])))
        for way, first in firsts.items()
    ]


@contextmanager
def crew(config: Config) -> Iterator[dict[str, Ask]]:
    """How to ask each way."""
    if not config.apart:
        yield dict.fromkeys(ways_here(), lambda function, *words: function(*words))
        return
    pools = {
        way: ProcessPoolExecutor(1, get_context("spawn"), initializer=bench.stay_on_cpu)
        for way in ways_here()
    }
    try:
        yield {way: _asked(pool) for way, pool in pools.items()}
    finally:
        for pool in pools.values():
            pool.shutdown()


def _asked(pool: ProcessPoolExecutor) -> Ask:
    return lambda function, *words: pool.submit(function, *words).result()
