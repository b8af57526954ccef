"""The figure: worst errors and shares of wrong roundings, binade by binade."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from experiments import Figure
from experiments.exhaustive_float32.setting import Config, bound_of
from experiments.exhaustive_float32.sweep import Row, worst_by_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = range(127 - 30, 127 + 8)  # binades: below and above nothing changes


def figure_of(rows: Sequence[Row], config: Config) -> Figure:
    """Two panels for each accuracy."""
    worst = ", ".join(
        f"{words} ({accuracy}) {row.worst:.2f} at {row.logit:.4g}"
        for (accuracy, words), row in worst_by_words(rows).items()
    )
    return Figure(
        "binades",
        "Worst error (above; dotted lines are the bounds) and share of results that are not "
        "correctly rounded (below) in each binade of |logit|, over both signs and all labels.",
        alt=f"Steps over the binades from 2^-30 to 2^8. The highest steps, in ulp: {worst}.",
        draw=partial(draw_binades, curves={each: _curves(rows, each) for each in config.accuracy}),
        panels=(2, len(config.accuracy)),
    )


class Curve(NamedTuple):
    """What the figure shows of one quantity."""

    binades: list[int]
    worst: list[float]
    wrong: list[float]  # percent
    bound: float


def _curves(rows: Sequence[Row], accuracy: str) -> dict[str, Curve]:
    """By words; the labels of a quantity together."""
    found = {}
    for words in dict.fromkeys(row.kind.words for row in rows if row.kind.accuracy == accuracy):
        own = [row for row in rows if (row.kind.accuracy, row.kind.words) == (accuracy, words)]
        there = sorted({row.binade for row in own if row.judged} & set(SHOWN))
        groups = [[row for row in own if row.binade == binade] for binade in there]
        found[words] = Curve(
            there,
            [max(row.worst for row in group) for group in groups],
            [
                100 * sum(row.rounded_wrong for row in group) / sum(row.judged for row in group)
                for group in groups
            ],
            bound_of(own[0].kind),
        )
    return found


def draw_binades(*axes: "Axes", curves: Mapping[str, Mapping[str, Curve]]) -> None:
    """A column of panels for each accuracy: worst errors above, shares below."""
    count = len(curves)
    for column, (accuracy, of) in enumerate(curves.items()):
        above, below = axes[column], axes[count + column]
        for index, (words, curve) in enumerate(of.items()):
            at = 2.0 ** (np.array(curve.binades) - 127)
            style: dict[str, Any] = {
                "color": f"C{index}",
                "drawstyle": "steps-post",
                "linewidth": 1.3,
            }
            above.plot(at, curve.worst, label=words, **style)
            above.axhline(curve.bound, color=f"C{index}", linewidth=0.8, linestyle=":")
            below.plot(at, curve.wrong, **style)
        above.set(title=f"accuracy: {accuracy}", ylabel="worst error (ulp)", ylim=(0, None))
        below.set(xlabel="|logit|", ylabel="not correctly rounded (%)", ylim=(0, None))
        for ax in (above, below):
            ax.set_xscale("log", base=2)
        above.legend(loc="upper left", fontsize=8, frameon=True, edgecolor="none", framealpha=1)
