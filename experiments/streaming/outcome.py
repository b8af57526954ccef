"""What the runs amount to."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments import Claim, Figure, Table
from experiments.streaming.killing import Kill
from experiments.streaming.settings import Config
from experiments.streaming.training import Trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Outcome(NamedTuple):
    """All runs."""

    megabytes: list[float]  # of each set's files
    undisturbed: list[Trained]  # on each
    resumed: Trained  # on the largest, after the kills
    kills: list[Kill]
    seconds: np.ndarray | None  # (2, turns): an epoch of the smallest set from files, from memory

    @property
    def growth(self) -> float:
        """Bytes of peak memory that a byte of data adds, from the smallest to the largest set."""
        peaks = [each.peak for each in self.undisturbed]
        return (peaks[-1] - peaks[0]) / (self.megabytes[-1] - self.megabytes[0])

    @property
    def differing(self) -> int:
        """Bytes of the weights in which the resumed run differs from the undisturbed."""
        one, other = (each.weights.view(np.uint8) for each in (self.undisturbed[-1], self.resumed))
        return int(np.sum(one != other)) if one.shape == other.shape else one.size

    @property
    def slower(self) -> float:
        """How many times as long as from memory an epoch takes from files."""
        if self.seconds is None:
            return float("nan")
        files, memory = np.median(self.seconds, axis=1)
        return float(files / memory)


def claims_of(outcome: Outcome, config: Config) -> tuple[Claim, ...]:
    """Memory, bits and time."""
    peak = max(each.peak for each in (*outcome.undisturbed, outcome.resumed))
    alive = sum(kill.alive for kill in outcome.kills)
    claims = (
        Claim("largest peak memory of a training process", peak, "<=", config.limit, "MB"),
        Claim("bytes of memory that a byte of data adds", outcome.growth, "<=", config.growth),
        Claim("processes killed while they trained", alive, "==", config.kills),
        Claim("bytes of weights that differ after the kills", outcome.differing, "==", 0),
    )
    if outcome.seconds is None:
        return claims
    text = "time of an epoch from files over one from memory"
    return (*claims, Claim(text, outcome.slower, "<=", config.slower, "times"))


def answer_of(outcome: Outcome, config: Config) -> tuple[str, tuple[str, ...]]:
    """What happened, and how fast."""
    last = outcome.undisturbed[-1]
    rate = last.rows * config.epochs / last.seconds / 1e6
    same = f"{outcome.differing} bytes of {last.weights.nbytes} differ"
    answer = (
        f"{outcome.megabytes[-1]:.0f} MB train within {last.peak:.0f} MB of memory, of which "
        f"{last.before:.0f} MB stand before the data are opened. Killed {len(outcome.kills)} "
        f"times and resumed, {same}."
    )
    pace = (
        f"An epoch goes at {rate:.2g} million rows a second; a byte of data adds "
        f"{outcome.growth:.2g} bytes of memory.",
    )
    if outcome.seconds is None:
        return answer, pace
    return answer, (*pace, f"It takes {outcome.slower:.2g} times as long as from memory.")


def tables_of(outcome: Outcome) -> tuple[Table, ...]:
    """The sizes, and the kills."""
    runs = [*outcome.undisturbed, outcome.resumed]
    sizes = Table(
        "runs",
        "Training processes; the last is the one that ended after the kills, its time from the "
        "last checkpoint on.",
        {
            "data (MB)": [*outcome.megabytes, outcome.megabytes[-1]],
            "killed": [*[0] * len(outcome.megabytes), len(outcome.kills)],
            "rows": [int(each.rows) for each in runs],
            "peak memory (MB)": [each.peak for each in runs],
            "before the data (MB)": [float(each.before) for each in runs],
            "seconds": [float(each.seconds) for each in runs],
            "loss of the last epoch": [float(each.loss[-1]) for each in runs],
        },
        formats={"data (MB)": ".0f", "peak memory (MB)": ".0f", "before the data (MB)": ".0f"},
    )
    kills = Table(
        "kills",
        "Each kill: seconds after the process's first checkpoint, and what was saved by then.",
        {
            "seconds": [kill.after for kill in outcome.kills],
            "blocks saved": [kill.checkpoint for kill in outcome.kills],
            "was training": [kill.alive for kill in outcome.kills],
        },
        formats={"seconds": ".3f"},
    )
    return sizes, kills


def figures_of(outcome: Outcome) -> tuple[Figure, ...]:
    """Memory over time, and against the size of the data."""
    told = ", ".join(
        f"{each.peak:.0f} MB on {size:.0f} MB"
        for each, size in zip(outcome.undisturbed, outcome.megabytes, strict=True)
    )
    return (
        Figure(
            "memory",
            "Peak memory so far of a training process over time, for each size of the data, and at "
            "its end against that size; the dashed line would hold the data in memory once.",
            alt=f"Lines that rise at the start and then stay flat; peaks are {told}.",
            draw=partial(draw_memory, outcome=outcome),
            panels=(1, 2),
        ),
    )


def draw_memory(over_time: "Axes", by_size: "Axes", *, outcome: Outcome) -> None:
    """A line for each size; then a point for each."""
    for size, each in zip(outcome.megabytes, outcome.undisturbed, strict=True):
        over_time.plot(each.times, each.peaks, label=f"{size:.0f} MB")
    over_time.set(xlabel="seconds", ylabel="peak memory so far (MB)", ylim=(0, None))
    over_time.legend(title="data", fontsize=7)
    sizes = np.array(outcome.megabytes)
    before = outcome.undisturbed[0].before
    by_size.plot(sizes, [each.peak for each in outcome.undisturbed], "o-", label="streamed")
    by_size.plot(sizes, before + sizes, "--", color="0.5", label="held in memory")
    by_size.set(xlabel="data (MB)", ylabel="peak memory (MB)", ylim=(0, None))
    by_size.legend(fontsize=7)
