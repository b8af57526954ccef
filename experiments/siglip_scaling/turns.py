"""All ways by turns, each in a process of its own that is blocked while others have their turn."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import NamedTuple, TypeAlias

import numpy as np

from experiments import Track
from experiments.siglip_scaling import bench
from experiments.siglip_scaling.settings import Config
from experiments.siglip_scaling.ways import ways_here
from experiments.timing import OURS, Times


class Found(NamedTuple):
    """One way at one number of images."""

    images: int
    way: str
    times: Times
    extra: int  # bytes of the process, results counted
    temporaries: int | None  # bytes, by XLA's account
    results: int  # bytes
    off: float  # largest difference from ours, each array's relative to its norm

    @property
    def beside(self) -> int:
        """Bytes beside arguments and results: XLA's account, or else the process's."""
        if self.temporaries is None:
            return max(self.extra - self.results, 0)
        return self.temporaries


Crew: TypeAlias = dict[str, Executor]


@contextmanager
def crew(config: Config) -> Iterator[Crew]:
    """A process for each way; a thread where they are not apart."""
    with ExitStack() as stack:
        yield {way: stack.enter_context(_worker(config)) for way in ways_here(config)}


def _worker(config: Config) -> Executor:
    if not config.apart:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=bench.stay_on_cpu)


def race(images: int, workers: Crew, config: Config, track: Track) -> list[Found]:
    """Each way once by itself, then bursts by turns."""
    firsts = {
        way: workers[way].submit(bench.first, way, images, config.size, config.seed).result()
        for way in track(tuple(workers), f"{images} images, first calls")
    }
    warm: dict[str, list[float]] = {way: [] for way in workers}
    for _ in track(range(config.turns), f"{images} images, turns"):
        for way, worker in workers.items():
            warm[way] += worker.submit(bench.burst, way, config.calls).result()
    ours = firsts[OURS].answer
    return [
        Found(
            images,
            way,
            Times(first.seconds, np.array(warm[way])),
            first.extra,
            first.temporaries,
            sum(each.nbytes for each in first.answer),
            apart(first.answer, ours),
        )
        for way, first in firsts.items()
    ]


def apart(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> float:
    """The largest difference of two answers, each array's relative to its norm."""
    pairs = [(np.float64(x), np.float64(y)) for x, y in zip(one, other, strict=True)]
    return float(max(np.linalg.norm(x - y) / np.linalg.norm(y) for x, y in pairs))
