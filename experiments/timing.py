"""Times of calls, and how they compare."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

OURS = "bcejax"


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


Standings: TypeAlias = Mapping[tuple[str, str], Times]  # (what, way) to its times


def ratio(standings: Standings, what: str, way: str) -> float:
    """A way's median time over ours."""
    return standings[what, way].median / standings[what, OURS].median


def seconds_of(call: Callable[[], object]) -> float:
    """Of a call, with giving back the memory of what it returns."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
