"""Times of calls, and how they compare."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np

from experiments.experiment import Track
from experiments.outcome import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Answer = TypeVar("Answer")
Name = TypeVar("Name", bound=Hashable)

OURS = "bcejax"


class Times(NamedTuple):
    """Seconds of one call."""

    first: float  # the first call, which traces, and compiles what is not kept on disk
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


def spread(times: Iterable[Times], unit: str = "ms") -> dict[str, list[float]]:
    """Columns of a table: the medians and what lies about them, in "ms" or "s".

    Example:
        >>> spread([Times(0.1, np.array([0.001, 0.002, 0.003]))])["median (ms)"]
        [2.0]
    """
    scale, found = {"ms": 1e3, "s": 1.0}[unit], list(times)
    return {
        f"median ({unit})": [scale * each.median for each in found],
        f"lower quartile ({unit})": [scale * each.quartiles[0] for each in found],
        f"upper quartile ({unit})": [scale * each.quartiles[1] for each in found],
    }


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """e of seconds = a size^e, by least squares in logarithms.

    Example:
        >>> round(exponent((10, 100, 1000), (0.2, 2.0, 20.0)), 6)
        1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def seconds_of(call: Callable[[], object]) -> float:
    """Of a call, with giving back the memory of what it returns."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds of a call, and its answer, whose memory is not given back meanwhile."""
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def race(
    calls: Mapping[Name, Callable[[], object]],
    track: Track,
    *,
    turns: int,
    burst: int = 1,
    rouse: bool = False,
    what: str = "calls",
) -> dict[Name, Times]:
    """Each call once by itself, then by turns: what slows the machine for a while slows all alike.

    Args:
        calls: by name.
        track: shows how far it is.
        turns: in each of which every call has a burst.
        burst: how many calls that is.
        rouse: whether one more goes before them that does not count: it wakes the threads, and
            those of another library, which spin for a while after their work, go to sleep.
        what: the calls are called to ``track``.
    """
    first = {name: seconds_of(calls[name]) for name in track(tuple(calls), f"{what}, compiling")}
    warm: dict[Name, list[float]] = {name: [] for name in calls}
    for _ in track(range(turns), f"{what}, turns"):
        for name, call in calls.items():
            if rouse:
                call()
            warm[name] += [seconds_of(call) for _ in range(burst)]
    return {name: Times(first[name], np.array(warm[name])) for name in calls}


def name_sizes(ax: "Axes", sizes: Iterable[int]) -> None:
    """Name the sizes that were taken on a logarithmic axis, and no others."""
    taken = sorted(sizes)
    ax.set_xticks(taken, [f"{size:,}" for size in taken])
    ax.set_xticks([], minor=True)


def figure_of_ratios(bars: list[tuple[str, str, float]]) -> Figure:
    """How many times as long as bcejax each way takes to each task."""
    told = ", ".join(f"{task} by {way} {times:.3g}" for task, way, times in bars)
    return Figure(
        "times",
        "How many times as long as bcejax others take. The scale is logarithmic.",
        alt=f"Bars to the right of 1 where bcejax is faster: {told}.",
        draw=partial(draw_ratios, bars=bars),
    )


def draw_ratios(ax: "Axes", *, bars: list[tuple[str, str, float]]) -> None:
    """A bar for each task and rival, as long as its time over ours."""
    ratios = np.array([each for *_, each in bars])
    ax.barh(range(len(bars)), ratios - 1, left=1, color="C0", height=0.6)
    for place, each in enumerate(ratios):
        ax.text(max(each, 1), place, f" {each:.3g}", va="center", fontsize=7.5)
    ax.axvline(1, color="0.5", linewidth=0.8)
    ax.set_yticks(range(len(bars)), [f"{task}\n{rival}" for task, rival, _ in bars], fontsize=7.5)
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="time over bcejax's")
    ax.set_xlim(min(0.5, ratios.min()), 4 * ratios.max())
