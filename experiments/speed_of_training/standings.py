"""Who is how fast: claims, the answer, tables and figures."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import jax

from experiments import Claim, Figure, Result, Table, Verdict
from experiments.speed_of_training.peers import KERAS, PEERS, SKLEARN, TORCH
from experiments.speed_of_training.setting import BIG, TUTORIAL, Config
from experiments.speed_of_training.turns import Found, Raced
from experiments.speed_of_training.ways import BARE, PRODUCTS
from experiments.timing import OURS, exponent, figure_of_ratios, name_sizes, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAME = 1e-4  # nats: what Adam's epsilon and rounding may do to a loss
BARS = {
    (TUTORIAL, KERAS): 25.0,
    (TUTORIAL, TORCH): 30.0,
    (TUTORIAL, SKLEARN): 20.0,
    (BIG, BARE): 1.0,
}
BEST = {BIG: 1.1}  # the best peer's time over ours


def ratio(found: Mapping[str, Found], way: str) -> float:
    """A way's median time over ours."""
    return found[way].times.median / found[OURS].times.median


def judge_race(raced: Raced, config: Config) -> Result:
    """The times, and whether all take the same steps."""
    tables = [_tabulate(raced.tasks)]
    figures = [_figure_of(raced.tasks)]
    if raced.curves:
        tables.append(_tabulate_curves(raced))
        figures.append(_figure_of_curves(raced))
    claims = (*_same(raced.tasks), *_faster(raced.tasks, config))
    return Result(
        Verdict(claims, _answer_of(raced), _details_of(raced)), tuple(tables), tuple(figures)
    )


def _same(tasks: Mapping[str, Mapping[str, Found]]) -> list[Claim]:
    return [
        Claim(
            f"{task}: last mean loss of {way} off bcejax",
            abs(each.course[-1] - found[OURS].course[-1]),
            "<=",
            SAME,
            "nats",
        )
        for task, found in tasks.items()
        for way, each in found.items()
        if way not in (OURS, PRODUCTS)
    ]


def _faster(tasks: Mapping[str, Mapping[str, Found]], config: Config) -> list[Claim]:
    if not config.claimed:
        return []
    claims = [
        Claim(
            f"{task}: time of {way} over ours",
            ratio(tasks[task], way),
            ">=",
            config.claimed * bar,
            "times",
        )
        for (task, way), bar in BARS.items()
        if way in tasks.get(task, ())
    ]
    for task, bar in BEST.items():
        peers = [way for way in tasks.get(task, ()) if way in PEERS]
        if peers:
            best = min(ratio(tasks[task], way) for way in peers)
            text = f"{task}: time of the best peer over ours"
            claims.append(Claim(text, best, ">=", config.claimed * bar, "times"))
    return claims


def _answer_of(raced: Raced) -> str:
    told = []
    for task, found in raced.tasks.items():
        best = min((way for way in found if way not in (OURS, PRODUCTS)), key=partial(ratio, found))
        told.append(
            f"{task} takes {1e3 * found[OURS].times.median:.3g} ms, the best other way "
            f"{ratio(found, best):.3g} times as long ({best})"
        )
    return f"Once compiled, training {'; '.join(told)}."


def _details_of(raced: Raced) -> tuple[str, ...]:
    told = []
    for task, found in raced.tasks.items():
        ours = found[OURS].times
        others = ", ".join(
            f"{way} {ratio(found, way):.3g} times" for way in found if way not in (OURS, PRODUCTS)
        )
        told.append(
            f"{task}: {1e3 * ours.median:.3g} ms, {1 / ratio(found, PRODUCTS):.3g} times its "
            f"products of matrices alone ({others})"
        )
    curves = [
        f"{way}'s time grows like {what} to the power {slope:.2f}"
        for what, points in raced.curves.items()
        for way, slope in exponents(points).items()
    ]
    return f"On jax {jax.__version__}, once compiled.", *(f"{each}." for each in [*told, *curves])


def exponents(points: Mapping[int, Mapping[str, Found]]) -> dict[str, float]:
    """Of each way, the slope of its times against the size, both by their logarithms."""
    ways = next(iter(points.values()))
    return {
        way: exponent(list(points), [each[way].times.median for each in points.values()])
        for way in ways
    }


def _tabulate(tasks: Mapping[str, Mapping[str, Found]]) -> Table:
    rows = [(task, way, each) for task, found in tasks.items() for way, each in found.items()]
    return Table(
        "times",
        "Every way by turns, each in a process of its own.",
        {
            "task": [task for task, *_ in rows],
            "way": [way for _, way, _ in rows],
            **spread(each.times for *_, each in rows),
            "over bcejax": [ratio(tasks[task], way) for task, way, _ in rows],
            "calls": [len(each.times.warm) for *_, each in rows],
            "first call (ms)": [1e3 * each.times.first for *_, each in rows],
            "last mean loss": [
                None if way == PRODUCTS else float(each.course[-1]) for _, way, each in rows
            ],
        },
        formats={"over bcejax": ".3g"},
    )


def _figure_of(tasks: Mapping[str, Mapping[str, Found]]) -> Figure:
    bars = [
        (task, way, ratio(found, way))
        for task, found in tasks.items()
        for way in found
        if way != OURS
    ]
    return figure_of_ratios(bars)


def _tabulate_curves(raced: Raced) -> Table:
    rows = [
        (what, size, way, each)
        for what, points in raced.curves.items()
        for size, found in points.items()
        for way, each in found.items()
    ]
    return Table(
        "curves",
        "One epoch: of 8-16-1 in batches of 32, by examples; of 100-width-1 on 4096 in batches of "
        "1024, by width.",
        {
            "what grows": [what for what, *_ in rows],
            "size": [size for _, size, *_ in rows],
            "way": [way for *_, way, _ in rows],
            "median (ms)": [1e3 * each.times.median for *_, each in rows],
        },
    )


def _figure_of_curves(raced: Raced) -> Figure:
    told = "; ".join(
        f"{way} by {what} to the power {slope:.2f}"
        for what, points in raced.curves.items()
        for way, slope in exponents(points).items()
    )
    return Figure(
        "curves",
        "Time of an epoch by the number of examples and by the width; both scales are logarithmic.",
        alt=f"Lines that rise: {told}.",
        draw=partial(_draw_curves, raced),
        panels=(1, len(raced.curves)),
    )


def _draw_curves(raced: Raced, *axes: "Axes") -> None:
    for ax, (what, points) in zip(axes, raced.curves.items(), strict=True):
        for way, slope in exponents(points).items():
            times = [1e3 * each[way].times.median for each in points.values()]
            ax.plot(list(points), times, marker="o", label=f"{way}, {slope:.2f}")
        ax.set(xscale="log", yscale="log", xlabel=what, ylabel="time of an epoch (ms)")
        name_sizes(ax, points)
        ax.legend(title="and exponent", fontsize=7.5)
