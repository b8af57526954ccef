"""What an experiment hands back: tables, figures, and a verdict that can fail.

A claim is an inequality ``value <= bound`` (or >=, <, >, ==) between two numbers.  Whether it holds
and by what margin is computed from the two and cannot be set by hand:

    margin = bound - value    for <= and <
             value - bound    for >= and >
             -|value - bound| for ==

so that a margin is never negative where a claim holds, and nan makes every claim fail.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
}


@dataclass(frozen=True)
class Claim:
    """One number held against one bound.

    ``Claim("mean loss of the article's four observations", mean, "==", 0.2656183105130591)``

    Raises:
        ValueError: the relation is not one of RELATIONS.
        TypeError: value or bound is not one number.
    """

    text: str  # a sentence without its full stop: what is measured, on what
    value: float  # what the run found
    relation: str  # one of RELATIONS
    bound: float  # what was expected before the run
    unit: str = ""  # "ulp", "nats", "times"; nothing for a pure number

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"relation {self.relation!r} is not one of {list(RELATIONS)}")
        object.__setattr__(self, "value", float(self.value))  # a float, whatever array it came in
        object.__setattr__(self, "bound", float(self.bound))

    @property
    def holds(self) -> bool:
        """Whether ``value relation bound`` is true; never for nan."""
        return bool(RELATIONS[self.relation](self.value, self.bound))

    @property
    def margin(self) -> float:
        """Distance from the bound in the value's unit, negative where the claim fails."""
        if self.value == self.bound:  # two infinities have no difference
            return 0.0
        if self.relation == "==":
            return -abs(self.value - self.bound)
        sign = 1 if self.relation in ("<=", "<") else -1
        return sign * (self.bound - self.value)


@dataclass(frozen=True)
class Verdict:
    """The claims of an experiment, and its answer in words.

    Raises:
        ValueError: no claims: such a verdict cannot fail.
    """

    claims: tuple[Claim, ...]
    answer: str  # a sentence or two for everybody, with the one or two numbers that matter
    details: tuple[str, ...] = ()  # paragraphs with the other numbers: the experiment's own page

    def __post_init__(self) -> None:
        if not self.claims:
            raise ValueError("claims is empty: a verdict without a claim cannot fail")

    @property
    def holds(self) -> bool:
        """Whether every claim holds."""
        return all(claim.holds for claim in self.claims)


def naming(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """A paragraph for ``details`` that lists names; none where there are none.

    Example:
        >>> naming("Not installed here", ["keras", "torch"]), naming("Not installed here", [])
        (('Not installed here: keras, torch.',), ())
    """
    return (f"{what}: {', '.join(names)}.",) if names else ()


@dataclass(frozen=True)
class Table:
    """Named columns of one length; written as Parquet and CSV, shown in the report.

    ``formats`` gives a column's format in the report ("+.17g"); the files keep every digit.

    Raises:
        ValueError: a bad name, no columns, columns of different lengths or more than one dimension,
            a format without a column.
    """

    name: str  # the files' name: small letters, digits, underscores
    caption: str
    columns: Mapping[str, Any]  # header to a one-dimensional array or a list, None for missing
    formats: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name(self.name)
        for name, column in self.columns.items():
            if getattr(column, "ndim", 1) != 1:
                raise ValueError(
                    f"table {self.name}: column {name!r} has shape {column.shape}, (n,) is taken"
                )
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"table {self.name}: columns have lengths {lengths}, one is taken")
        if unknown := self.formats.keys() - self.columns.keys():
            raise ValueError(f"table {self.name}: formats name no column: {sorted(unknown)}")


@dataclass(frozen=True)
class Figure:
    """How to draw one figure: ``draw`` gets one Axes for each panel, row by row.

    Raises:
        ValueError: a bad name, or no alternative text.
    """

    name: str  # the files' name: small letters, digits, underscores
    caption: str
    alt: str  # says in words what the figure shows, for those who do not see it
    draw: Callable[..., object]
    panels: tuple[int, int] = (1, 1)  # rows, columns

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.alt.strip():
            raise ValueError(f"figure {self.name}: alt is empty, it takes the figure in words")


@dataclass(frozen=True)
class Result:
    """All that one run found.

    Raises:
        ValueError: two tables or two figures share a name.
    """

    verdict: Verdict
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()

    def __post_init__(self) -> None:
        for things in (self.tables, self.figures):
            names = [thing.name for thing in things]
            if len(names) != len(set(names)):
                raise ValueError(f"names must differ, got {names}")


def together(results: Sequence[Result]) -> Result:
    """One result of the results of an experiment's parts, in their order.

    A part whose answer is empty leaves the word to the others, and has details alone.

    Raises:
        ValueError: two tables or two figures share a name.
    """
    claims = tuple(claim for result in results for claim in result.verdict.claims)
    details = tuple(each for result in results for each in result.verdict.details)
    return Result(
        Verdict(claims, " ".join(filter(None, (r.verdict.answer for r in results))), details),
        tuple(table for result in results for table in result.tables),
        tuple(figure for result in results for figure in result.figures),
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"name {name!r} takes small letters, digits and underscores")
