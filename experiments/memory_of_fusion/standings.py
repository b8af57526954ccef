"""Which way takes what: claims, the answer, the table and the figures."""

import math
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from experiments import Claim, Figure, Table
from experiments.memory_of_fusion.setting import (
    AIM,
    AIM_LARGE,
    LARGE,
    LEANER,
    OPTAX,
    WHOLE,
    Config,
)
from experiments.memory_of_fusion.turns import Run
from experiments.timing import OURS, name_sizes, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MB = 1e6
NEAR = 1e-5  # of the largest entry, between gradients


def off(run: Run, ours: Run) -> float:
    """How far its value and gradients are from ours, of the largest entry of each."""
    pairs = zip(run.first.answer, ours.first.answer, strict=True)
    return float(np.max([np.abs(one - two).max() / np.abs(two).max() for one, two in pairs]))


def memory(run: Run) -> int:
    """Bytes of its labels and of what its call takes."""
    return run.first.labels + run.first.extra


def two_chunks(run: Run, config: Config) -> float:
    """Bytes of two arrays of float32 with an entry for each example and label of a chunk."""
    return 2 * 4 * run.shape[0] * min(config.chunk, run.shape[1])


def claims_of(runs: list[Run], config: Config) -> tuple[Claim, ...]:
    """All compute the same; memory does not grow with the labels; who takes more, on the last."""
    fused = {run.shape: run for run in runs if run.way == OURS}
    others = [run for run in runs if run.way != OURS]
    largest, least = (
        f((run.first.temporaries or 0) / two_chunks(run, config) for run in fused.values())
        for f in (max, min)
    )
    claims = [
        Claim(
            "values and gradients, the furthest from ours",
            float(np.max([off(run, fused[run.shape]) for run in others])),
            "<=",
            NEAR,
        ),
        Claim("temporaries of the fused head, growth with labels", largest - least, "<=", 0.05),
    ]
    if not config.claimed:
        return tuple(claims)
    claims.append(Claim("temporaries of the fused head over two chunks", largest, "<=", 1))
    for run in others:
        if run.shape[1] >= config.judged_from and run.way != WHOLE:
            ours = fused[run.shape]
            what = f"{_name(run.shape)}: {{}} of {run.way} over ours"
            times = run.times.median / ours.times.median
            leaner = memory(run) / memory(ours)
            aim = AIM_LARGE if run.shape[0] >= LARGE else AIM
            claims += [
                Claim(what.format("time"), times, ">=", config.claimed * aim, "times"),
                Claim(what.format("memory"), leaner, ">=", config.claimed * LEANER, "times"),
            ]
    return tuple(claims)


def answer_of(runs: list[Run]) -> str:
    """What the logits cost on the largest head."""
    shape = max((run.shape for run in runs), key=math.prod)
    those = {run.way: run for run in runs if run.shape == shape}
    ours, optax = those[OURS], those[OPTAX]
    return (
        f"On a head of {shape[1]} labels and {shape[0]} examples, with the logits written out, "
        f"optax takes {memory(optax) / MB:.3g} MB; without them bcejax takes "
        f"{memory(ours) / MB:.3g} MB. optax's time is "
        f"{optax.times.median / ours.times.median:.2g} times ours."
    )


def details_of(runs: list[Run]) -> tuple[str, ...]:
    """Time and memory on each head."""
    told = []
    for shape in dict.fromkeys(run.shape for run in runs):
        those = [
            f"{run.way} {1e3 * run.times.median:.3g} ms and {memory(run) / MB:.3g} MB"
            for run in runs
            if run.shape == shape
        ]
        told.append(f"{_name(shape)}: {', '.join(those)}")
    return f"On jax {version('jax')}, labels counted.", *(f"{each}." for each in told)


def tabulate(runs: list[Run]) -> Table:
    """Every way to every head."""
    ours = {run.shape: run for run in runs if run.way == OURS}

    def megabytes(name: str) -> list[float | None]:
        found = [getattr(run.first, name) for run in runs]
        return [None if each is None else each / MB for each in found]

    return Table(
        "heads",
        "Value and all gradients of a linear head in float32: time by turns, and memory beside "
        "the arguments, by the process and by XLA.",
        {
            "examples": [run.shape[0] for run in runs],
            "labels": [run.shape[1] for run in runs],
            "way": [run.way for run in runs],
            **spread(run.times for run in runs),
            "time over ours": [run.times.median / ours[run.shape].times.median for run in runs],
            "labels' memory (MB)": megabytes("labels"),
            "peak by the process (MB)": megabytes("extra"),
            "temporaries by XLA (MB)": megabytes("temporaries"),
            "outputs by XLA (MB)": megabytes("outputs"),
            "memory over ours": [memory(run) / memory(ours[run.shape]) for run in runs],
            "furthest from ours": [off(run, ours[run.shape]) for run in runs],
        },
        formats={"furthest from ours": ".1e"},
    )


def figures_of(runs: list[Run]) -> tuple[Figure, ...]:
    """Time and memory by the number of labels."""
    told = ", ".join(
        f"{run.way} at {run.shape[1]} labels {run.times.median:.3g} s and {memory(run) / MB:.3g} MB"
        for run in runs
    )
    return (
        Figure(
            "time_and_memory",
            "Value and all gradients: time, and memory beside the other arguments with the labels "
            "counted. Both scales are logarithmic.",
            alt=f"Lines that rise with the labels, ours the lowest: {told}.",
            draw=partial(draw_lines, runs=runs),
            panels=(1, 2),
        ),
    )


def draw_lines(left: "Axes", right: "Axes", runs: list[Run]) -> None:
    """A line for each way, over the labels."""
    for way in dict.fromkeys(run.way for run in runs):
        those = sorted((run for run in runs if run.way == way), key=lambda run: run.shape[1])
        labels = [run.shape[1] for run in those]
        left.plot(labels, [1e3 * run.times.median for run in those], marker="o", label=way)
        right.plot(labels, [max(memory(run), 1) / MB for run in those], marker="o", label=way)
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", xlabel="labels")
        name_sizes(ax, {run.shape[1] for run in runs})
    left.set_ylabel("time (ms)")
    right.set_ylabel("memory (MB)")
    left.legend()


def _name(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
