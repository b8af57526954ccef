"""Who is how fast and how exact: claims, the answer, the table and the figure."""

from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from experiments import Claim, Figure, Table
from experiments.speed_of_solvers.problems import Data, gradient_norms, values
from experiments.speed_of_solvers.setting import ALIGNED, DRAWN, TOLERANCE, Config, Task
from experiments.speed_of_solvers.turns import Lap
from experiments.timing import OURS, Times, draw_ratios, spread

NEAR = 100 * TOLERANCE  # a peer that comes so near takes part, though it stops before TOLERANCE
EQUAL = 1e-10  # by how much two answers may differ in value


class Standing(NamedTuple):
    """A way to a task."""

    task: str
    way: str
    times: Times
    gradient: float | None  # largest of all models; None where it had other resamples
    value: float | None  # furthest above the least, of all models
    nonzero: int | None  # coefficients of all models

    @property
    def ours(self) -> bool:
        """Whether it is bcejax."""
        return self.way.startswith(OURS)

    @property
    def near(self) -> bool:
        """Whether it solves the task."""
        return self.gradient is None or self.gradient <= NEAR


class Ratio(NamedTuple):
    """One of our ways against the best peer."""

    task: Task
    what: str  # the task, and what of it
    way: str
    peer: str
    times: float
    aim: float


def standings_of(what: str, data: Data, lap: Lap) -> list[Standing]:
    """All ways to a task, judged by its data."""
    known = {way: params for way, params in lap.answers.items() if not way.endswith(DRAWN)}
    found = {way: values(data, params) for way, params in known.items()}
    least = np.nanmin(list(found.values()), axis=0)
    return [
        Standing(
            what,
            way,
            times,
            float(np.max(gradient_norms(data, known[way]))) if way in known else None,
            float(np.max(found[way] - least)) if way in known else None,
            int(np.count_nonzero(known[way][:, :-1])) if way in known else None,
        )
        for way, times in lap.times.items()
    ]


def ratios_of(what: str, task: Task, standings: list[Standing]) -> list[Ratio]:
    """Each of our ways, against the fastest of the others that solve the task."""
    best = min(
        (each for each in standings if not each.ours and each.near), key=lambda s: s.times.median
    )
    return [
        Ratio(
            task,
            what,
            each.way,
            best.way,
            best.times.median / each.times.median,
            (task.aim_aligned or task.aim) if each.way.endswith(ALIGNED) else task.aim,
        )
        for each in standings
        if each.ours
    ]


def claims_of(standings: list[Standing], ratios: list[Ratio], config: Config) -> tuple[Claim, ...]:
    """All solve the same problem; and where it is judged, who is how much faster."""
    ours = [s for s in standings if s.ours and s.gradient is not None]
    same = [s for s in standings if s.near and s.value is not None]
    tasks = dict.fromkeys(each.task for each in standings)
    exact = [
        Claim(f"{s.task}: gradient norm reached by {s.way}", s.gradient or 0.0, "<=", TOLERANCE)
        for s in ours
    ]
    equal = [
        Claim(
            f"{task}: largest difference in value",
            max(s.value or 0.0 for s in same if s.task == task),
            "<=",
            EQUAL,
        )
        for task in tasks
    ]
    faster = [
        Claim(
            f"{each.what}: time of {each.peer} over that of {each.way}",
            each.times,
            ">=",
            config.claimed * each.aim * each.task.reached,
            "times",
        )
        for each in ratios
    ]
    return (*exact, *equal, *(faster if config.claimed else ()))


def answer_of(ratios: list[Ratio]) -> str:
    """From the least of the ratios to the largest."""
    if not ratios:
        return "No other program here came near enough to be raced against."
    slow, fast = (pick(ratios, key=lambda each: each.times) for pick in (min, max))
    return (
        f"Next to the best other program ours are from {slow.times:.2g} ({slow.what}) to "
        f"{fast.times:.2g} times as fast ({fast.what})."
    )


def details_of(standings: list[Standing], ratios: list[Ratio]) -> tuple[str, ...]:
    """The times, and the ratios."""
    times = {(each.task, each.way): each.times.median for each in standings}
    told = (
        f"{each.what}: {each.way} {1e3 * times[each.what, each.way]:.3g} ms, "
        f"{each.times:.3g} times as fast as the best other ({each.peer})."
        for each in ratios
    )
    return f"On jax {version('jax')}, float64, from NumPy.", *told


def tabulate(standings: list[Standing]) -> Table:
    """Every way to every task."""
    times = [each.times for each in standings]
    base = {each.task: each.times.median for each in standings if each.way == OURS}
    return Table(
        "times",
        "Every way to every task, by turns, each program in a process of its own.",
        {
            "task": [each.task for each in standings],
            "way": [each.way for each in standings],
            **spread(times),
            "calls": [len(each.warm) for each in times],
            "over bcejax": [each.times.median / base[each.task] for each in standings],
            "first call (ms)": [1e3 * each.first for each in times],
            "gradient norm reached": [each.gradient for each in standings],
            "value above the least": [each.value for each in standings],
            "nonzero coefficients": [each.nonzero for each in standings],
        },
        formats={"over bcejax": ".3g", "gradient norm reached": ".1e"},
    )


def figure_of(standings: list[Standing]) -> Figure:
    """Each peer's best time over ours, task by task."""
    bars = []
    for task in dict.fromkeys(each.task for each in standings):
        those = [each for each in standings if each.task == task]
        ours = next(each.times.median for each in those if each.way == OURS)
        best: dict[str, float] = {}
        for each in those:
            if not each.ours and each.near:
                program = each.way.split(",")[0]
                ratio = each.times.median / ours
                best[program] = min(best.get(program, ratio), ratio)
        bars += [(task, program, ratio) for program, ratio in best.items()]
    told = ", ".join(f"{task} by {program} {ratio:.3g}" for task, program, ratio in bars)
    return Figure(
        "ratios",
        "How many times as long as bcejax others take, each in its best setting. "
        "The scale is logarithmic.",
        alt=f"Bars to the right of 1 where bcejax is faster: {told}.",
        draw=partial(draw_ratios, bars=bars),
    )
