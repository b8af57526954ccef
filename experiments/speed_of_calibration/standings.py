"""Who is how fast: claims, the answer, the table and the figure."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from experiments import Claim, Figure, Table
from experiments.speed_of_calibration.setting import REPORT, SECONDS, Config
from experiments.speed_of_calibration.ways import ECE, Task
from experiments.timing import OURS, Standings, figure_of_ratios, ratio, spread


def differences(
    tasks: Mapping[str, Task], answers: Mapping[tuple[str, str], Any]
) -> dict[tuple[str, str], float]:
    """The largest difference of each peer's answer from ours."""
    return {
        (task, way): float(np.max(np.abs(np.asarray(answers[task, way]) - answers[task, OURS])))
        for task, each in tasks.items()
        for way in each.ways
        if way != OURS
    }


def claims_of(
    standings: Standings,
    apart: Mapping[tuple[str, str], float],
    tasks: Mapping[str, Task],
    config: Config,
) -> tuple[Claim, ...]:
    """All compute the same; and where times are judged, who is how much faster."""
    same = [
        Claim(f"{task}: {way} off bcejax", off, "<=", tasks[task].tolerance)
        for (task, way), off in apart.items()
    ]
    if not config.claimed:
        return tuple(same)
    faster = [
        Claim(
            f"{task}: time of {way} over ours",
            ratio(standings, task, way),
            ">=",
            config.claimed * each.bar,
            "times",
        )
        for task, each in tasks.items()
        for way in each.ways
        if way.startswith(each.peer)
    ]
    report = standings.get((REPORT, OURS))
    whole = [Claim(REPORT, report.median, "<=", SECONDS, "s")] if report else []
    return (*same, *faster, *whole)


def answer_of(standings: Standings, tasks: Mapping[str, Task], config: Config) -> str:
    """Who is how many times as fast."""
    ratios = [
        ratio(standings, task, way)
        for task, each in tasks.items()
        for way in each.ways
        if way != OURS
    ]
    return (
        f"The ECE of {config.predictions:,} predictions takes bcejax "
        f"{1e3 * standings[ECE, OURS].median:.3g} ms. Other programs here take {min(ratios):.2g} "
        f"to {max(ratios):.3g} times as long as bcejax for what they compute too."
    )


def details_of(standings: Standings, tasks: Mapping[str, Task], config: Config) -> str:
    """The times, and the ratios."""
    told = []
    for task, each in tasks.items():
        others = ", ".join(
            f"{way} {ratio(standings, task, way):.3g} times" for way in each.ways if way != OURS
        )
        told.append(
            f"{task} {1e3 * standings[task, OURS].median:.3g} ms{others and f' ({others})'}"
        )
    if report := standings.get((REPORT, OURS)):
        told.append(
            f"a report of {config.reported:,} with {config.resamples:,} resamples "
            f"{report.median:.2g} s"
        )
    return (
        f"On jax {jax.__version__}, {config.predictions:,} float32 predictions: {'; '.join(told)}."
    )


def tabulate(standings: Standings, apart: Mapping[tuple[str, str], float]) -> Table:
    """Every task by every way."""
    return Table(
        "times",
        "Every way, by turns in one process.",
        {
            "task": [task for task, _ in standings],
            "way": [way for _, way in standings],
            **spread(standings.values()),
            "calls": [len(times.warm) for times in standings.values()],
            "over bcejax": [ratio(standings, *key) for key in standings],
            "first call (ms)": [1e3 * times.first for times in standings.values()],
            "largest difference from bcejax": [apart.get(key) for key in standings],
        },
        formats={"over bcejax": ".3g"},
    )


def figure_of(standings: Standings) -> Figure:
    """Each way's time over ours."""
    bars = [(*key, ratio(standings, *key)) for key in standings if key[1] != OURS]
    return figure_of_ratios(bars)
