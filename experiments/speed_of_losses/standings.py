"""Who is how fast: claims, the answer, the table and the figure."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import jax
import numpy as np

from experiments import Claim, Figure, Table
from experiments.speed_of_losses.setting import (
    BOTH,
    GRADIENT,
    OPTAX,
    QUANTITIES,
    TRAFFIC,
    VALUE,
    Config,
)
from experiments.timing import OURS, Standings, ratio, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Least ratios of optax's time to ours, with room for a busy machine: jax 0.12 sums in a way that
# leaves optax's selects behind.
OVER_OPTAX = {VALUE: 0.9, BOTH: 1.4, GRADIENT: 1.15}
OVER_OPTAX_FROM_0_12 = {VALUE: 1.8, BOTH: 1.6, GRADIENT: 1.15}
HIGHEST = 1.5  # times optax's value and gradient, for digits that are all right
SAME = 1e-5  # a mean of 1e7 float32 numbers may be off by some 1e-6
DIFFERENCE = "largest difference of an answer from float64"


def claims_of(
    standings: Standings, apart: Mapping[tuple[str, str], float], config: Config
) -> tuple[Claim, ...]:
    """All compute the same; and where it is judged, who is how much faster."""
    same = Claim(DIFFERENCE, max(apart.values()), "<=", SAME)
    if not config.judged:
        return (same,)
    return (same, *_over_optax(standings), *_over_torch(standings), *_highest(standings))


def _over_optax(standings: Standings) -> list[Claim]:
    bounds = OVER_OPTAX_FROM_0_12 if jax.__version_info__[:2] >= (0, 12) else OVER_OPTAX
    return [
        Claim(f"{what}: optax's time over ours", ratio(standings, what, OPTAX), ">=", bound)
        for what, bound in bounds.items()
    ]


def _over_torch(standings: Standings) -> list[Claim]:
    return [
        Claim(f"{what}: {way}'s time over ours", ratio(standings, what, way), ">=", 1)
        for what, way in standings
        if way.startswith("torch")
    ]


def _highest(standings: Standings) -> list[Claim]:
    way = f"{OURS}, highest"
    if (BOTH, way) not in standings:
        return []
    times = ratio(standings, BOTH, way) / ratio(standings, BOTH, OPTAX)
    return [Claim(f"{BOTH}: ours at highest accuracy, over optax's time", times, "<=", HIGHEST)]


def answer_of(standings: Standings, config: Config) -> str:
    """The time of value and gradient, next to optax and to the limit."""
    limit = [way for what, way in standings if what == BOTH and is_limit(way) and way != TRAFFIC]
    near = "".join(f", {way} {ratio(standings, BOTH, way):.2f} times" for way in limit)
    return (
        f"Value and gradient of the mean of {config.logits:,} losses take bcejax "
        f"{1e3 * standings[BOTH, OURS].median:.3g} ms; optax takes "
        f"{ratio(standings, BOTH, OPTAX):.2f} times as long{near}."
    )


def details_of(standings: Standings, config: Config) -> str:
    """The times of value and gradient, and the ratios."""
    ways = [way for what, way in standings if what == BOTH and way != OURS]
    others = ", ".join(f"{way} {ratio(standings, BOTH, way):.2f}" for way in ways)
    optax = ", ".join(
        f"{ratio(standings, what, OPTAX):.2f} for the {what}" for what in (VALUE, GRADIENT)
    )
    return (
        f"On jax {jax.__version__} value and gradient of the mean of {config.logits:,} losses "
        f"take {1e3 * standings[BOTH, OURS].median:.1f} ms; in times of ours: {others}. "
        f"Against ours optax takes {optax}."
    )


def tabulate(standings: Standings, apart: Mapping[tuple[str, str], float]) -> Table:
    """Every quantity by every way."""
    return Table(
        "times",
        "Every way, by turns in one process.",
        {
            "quantity": [what for what, _ in standings],
            "way": [way for _, way in standings],
            **spread(standings.values()),
            "over bcejax": [ratio(standings, *key) for key in standings],
            "first call (ms)": [1e3 * times.first for times in standings.values()],
            "largest difference from float64": [apart.get(key) for key in standings],
        },
        formats={"over bcejax": ".2f"},
    )


def figure_of(standings: Standings) -> Figure:
    """One panel for each quantity."""
    told = "; ".join(
        f"{what}: "
        + ", ".join(
            f"{way} {1e3 * standings[what, way].median:.1f}" for way in _ways(standings, what)
        )
        for what in QUANTITIES
    )
    return Figure(
        "times",
        "Median times, and how many times ours; the line spans the middle half of the calls. "
        "The scale is logarithmic.",
        alt=f"Times in ms, from the slowest to the fastest. {told}.",
        draw=partial(draw_times, standings=standings),
        panels=(2, 2),
    )


def _ways(standings: Standings, what: str) -> list[str]:
    """The ways to a quantity, slowest first."""
    ways = [way for each, way in standings if each == what]
    return sorted(ways, key=lambda way: -standings[what, way].median)


def draw_times(*axes: "Axes", standings: Standings) -> None:
    """A dot for each way's median, over the middle half of its calls."""
    everything = np.array([1e3 * t for times in standings.values() for t in times.quartiles])
    for ax, what in zip(axes, QUANTITIES, strict=True):
        ways = _ways(standings, what)
        ax.axvline(1e3 * standings[what, OURS].median, color="C0", linewidth=0.8, alpha=0.5)
        for place, way in enumerate(ways):
            times = standings[what, way]
            colour = "C0" if way.startswith(OURS) else "0.55" if is_limit(way) else "C1"
            low, high = (1e3 * t for t in times.quartiles)
            ax.hlines(place, low, high, color=colour, linewidth=2)
            ax.plot(1e3 * times.median, place, "o", color=colour)
            said = f"{1e3 * times.median:.1f} ms"
            said += "" if way == OURS else f", {ratio(standings, what, way):.2f} x ours"
            ax.text(high, place, f"   {said}", va="center", fontsize=7.5)
        ax.set_yticks(range(len(ways)), ways)
        ax.set(title=what, xlabel="time (ms)", xscale="log", ylim=(-0.6, len(ways) - 0.4))
        ax.set_xlim(everything.min() / 1.3, 6 * everything.max())
        ax.xaxis.set_major_formatter("{x:g}")


def is_limit(way: str) -> bool:
    """Whether a way is no library but what the machine can do."""
    return way == TRAFFIC or way.startswith("C by hand")
