"""From the rows of all binades to claims, the answer and the tables."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bcejax.analysis import exact_values, ulp_error
from experiments import Claim, Result, Table, Verdict
from experiments.exhaustive_float32.figure import figure_of
from experiments.exhaustive_float32.oracle import right_results
from experiments.exhaustive_float32.setting import (
    Config,
    Kind,
    bound_of,
    count_logits,
    kinds,
    unit_of,
)
from experiments.exhaustive_float32.sweep import Row, worst_by_words

ORACLE = 1e-6  # ulp of float32 that the oracle may be off


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
        Verdict(_claims(totals, rows), *_answer(rows, config)),
        tables=(_table_of_totals(totals), _table_of_binades(rows)),
        figures=(figure_of(rows, config),),
    )


def totals_of(rows: Sequence[Row], config: Config) -> list[Total]:
    """One for each kind."""
    found = []
    for kind in kinds(config):
        own = [row for row in rows if row.kind == kind]
        counts = (sum(each) for each in zip(*(row[4:] for row in own), strict=True))
        found.append(Total(kind, max(own, key=lambda row: row.worst), *counts))
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
        for (accuracy, words), row in worst_by_words(rows).items()
    ]
    beyond = "results off by more than 2^-126 where the exact one is no normal number"
    lost = Claim(beyond, sum(total.lost for total in totals), "==", 0)
    oracle = "the oracle in float64 at the worst logits of each binade, by 120 bits"
    return (*bounds, lost, Claim(oracle, oracle_error(rows), "<=", ORACLE, "ulp"))


def _answer(rows: Sequence[Row], config: Config) -> tuple[str, tuple[str, ...]]:
    worst = worst_by_words(rows)
    swept = f"{count_logits(config):,} of the 4,278,190,080 finite float32 logits"
    told: dict[str, list[str]] = {}
    for (accuracy, words), row in worst.items():
        told.setdefault(accuracy, []).append(f"{words} {row.worst:.3f} at {row.logit:.4g}")
    value, gradient = (
        " or ".join(f"{worst[accuracy, what].worst:.2g} ulp" for accuracy in told)
        for what in ("value", "gradient")
    )
    answer = (
        f"Over {swept}, the loss is off by at most {value} and its gradient by at most {gradient} "
        f"({' or '.join(told)} accuracy, labels 0 and 1)."
    )
    return answer, tuple(
        f"Worst errors in ulp with {accuracy} accuracy: {', '.join(each)}."
        for accuracy, each in told.items()
    )


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
