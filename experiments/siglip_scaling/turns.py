"""All ways by turns, each in a process of its own that is blocked while others have their turn."""

from typing import NamedTuple

import numpy as np

from experiments import Track
from experiments.apart import Crew, by_turns
from experiments.siglip_scaling import bench
from experiments.siglip_scaling.settings import Config
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


def race(images: int, workers: Crew, config: Config, track: Track) -> list[Found]:
    """Each way once by itself, then bursts by turns."""
    found = by_turns(
        workers,
        bench.first,
        (images, config.size, config.seed),
        bench.burst,
        turns=config.turns,
        calls=config.calls,
        track=track,
        what=f"{images} images",
    )
    ours = found[OURS][0].answer
    return [
        Found(
            images,
            way,
            times,
            first.extra,
            first.temporaries,
            sum(each.nbytes for each in first.answer),
            apart(first.answer, ours),
        )
        for way, (first, times) in found.items()
    ]


def apart(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> float:
    """The largest difference of two answers, each array's relative to its norm."""
    pairs = [(np.float64(x), np.float64(y)) for x, y in zip(one, other, strict=True)]
    return float(max(np.linalg.norm(x - y) / np.linalg.norm(y) for x, y in pairs))
