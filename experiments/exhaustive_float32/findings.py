"""From the rows of all binades to claims, the answer, tables and the figure."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bcejax.analysis import exact_values, ulp_error
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.exhaustive_float32.oracle import right_results
from experiments.exhaustive_float32.setting import (
    Config,
    Kind,
    bound_of,
    count_logits,
    kinds,
    unit_of,
)
from experiments.exhaustive_float32.sweep import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORACLE = 1e-6  # ulp of float32 that the oracle may be off
SHOWN = range(127 - 30, 127 + 8)  # the binades of the figure: below and above nothing changes


class Total(NamedTuple):
    """A kind over all binades."""

    kind: Kind
    worst: Row
    judged: int
    rounded_wrong: int
    beyond_one: int
    lost: int


def tell(rows: Sequence[Row], config: Config) -> Result:
    """The whole result."""
    totals = totals_of(rows, config)
    return Result(
        Verdict(_claims(totals, rows), _answer(totals, config)),
        tables=(_table_of_totals(totals), _table_of_binades(rows)),
        figures=(_figure(rows, totals, config),),
    )


def totals_of(rows: Sequence[Row], config: Config) -> list[Total]:
    """One for each kind."""
    found = []
    for kind in kinds(config):
        own = [row for row in rows if row.kind == kind]
        counts = (sum(each) for each in zip(*(row[4:] for row in own), strict=True))
        found.append(Total(kind, max(own, key=lambda row: row.worst), *counts))
    return found


def worst_of_groups(totals: Sequence[Total]) -> dict[tuple[str, str], Row]:
    """The worst of all hard labels and of all soft ones, by accuracy and words."""
    found: dict[tuple[str, str], Row] = {}
    for total in totals:
        key = (total.kind.accuracy, total.kind.words)
        if key not in found or total.worst.worst > found[key].worst:
            found[key] = total.worst
    return found


def oracle_error(rows: Sequence[Row]) -> float:
    """The oracle's error in ulp of float32, by 120 bits, at the worst logit of each row."""
    worst = 0.0
    for kind in {row.kind for row in rows}:
        logits = np.array([row.logit for row in rows if row.kind == kind], np.float32)
        label = float(np.float32(kind.label or 0))
        wide = exact_values(kind.quantity.split()[0], logits, label)
        right = right_results(kind.quantity, logits, label)
        worst = max(worst, float(np.max(ulp_error(right, wide, np.float32))))
    return worst


def _claims(totals: Sequence[Total], rows: Sequence[Row]) -> tuple[Claim, ...]:
    bounds = [
        Claim(
            f"{accuracy} accuracy: {words}", row.worst, "<=", bound_of(row.kind), unit_of(row.kind)
        )
        for (accuracy, words), row in worst_of_groups(totals).items()
    ]
    beyond = "results off by more than 2^-126 where the exact one is no normal number"
    lost = Claim(beyond, sum(total.lost for total in totals), "==", 0)
    oracle = "the oracle in float64 at the worst logits of each binade, by 120 bits"
    return (*bounds, lost, Claim(oracle, oracle_error(rows), "<=", ORACLE, "ulp"))


def _answer(totals: Sequence[Total], config: Config) -> str:
    swept = f"{count_logits(config):,} of the 4,278,190,080 finite float32 logits"
    worst = "; ".join(
        f"{words} ({accuracy}) {row.worst:.3f} at {row.logit:.9g}"
        for (accuracy, words), row in worst_of_groups(totals).items()
    )
    return f"Over {swept}, worst errors in ulp: {worst}."


def _table_of_totals(totals: Sequence[Total]) -> Table:
    return Table(
        "totals",
        "Each kind over all binades; shares are of results that are normal numbers.",
        {
            "accuracy": [total.kind.accuracy for total in totals],
            "quantity": [total.kind.quantity for total in totals],
            "label": [total.kind.label for total in totals],
            "worst error": [total.worst.worst for total in totals],
            "bound": [bound_of(total.kind) for total in totals],
            "unit": [unit_of(total.kind) for total in totals],
            "at logit": [total.worst.logit for total in totals],
            "not correctly rounded (%)": [_percent(t.rounded_wrong, t) for t in totals],
            "off by more than 1 (%)": [_percent(total.beyond_one, total) for total in totals],
            "results judged": [total.judged for total in totals],
        },
        formats={"at logit": ".9g", "worst error": ".4f"},
    )


def _table_of_binades(rows: Sequence[Row]) -> Table:
    """The worst logit of each kind in each binade, the worst first."""
    ranked = sorted((row for row in rows if row.worst > 0.5), key=lambda row: -row.worst)
    return Table(
        "binades",
        "The worst logit of each kind in each binade, where it is not correctly rounded.",
        {
            "accuracy": [row.kind.accuracy for row in ranked],
            "quantity": [row.kind.quantity for row in ranked],
            "label": [row.kind.label for row in ranked],
            "binade (log2 of its lower end)": [row.binade - 127 for row in ranked],
            "worst error": [row.worst for row in ranked],
            "at logit": [row.logit for row in ranked],
            "not correctly rounded (%)": [_percent(row.rounded_wrong, row) for row in ranked],
        },
        formats={"at logit": ".9g", "worst error": ".4f"},
    )


def _percent(count: int, of: Row | Total) -> float:
    return 100 * count / max(of.judged, 1)


def _figure(rows: Sequence[Row], totals: Sequence[Total], config: Config) -> Figure:
    worst = ", ".join(
        f"{words} ({accuracy}) {row.worst:.2f} at {row.logit:.4g}"
        for (accuracy, words), row in worst_of_groups(totals).items()
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
