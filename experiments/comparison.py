"""Runs of one experiment laid side by side: on another device, with another JAX, at another width.

What two runs found is compared number by number: the values of their claims, and each column of
numbers of their tables, row by row.  The distance between two numbers is given relative to the
larger one and in units in the last place of float32 and of float64, so that it can be seen at once
whether two devices agree to rounding.
"""

import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.folder import Run, read_run
from experiments.outcome import Table
from experiments.tables import read_table

LETTERS = string.ascii_uppercase
HEADERS = (
    *("table", "column", "runs", "rows", "that differ"),
    *("largest difference", "relative", "float32 ulp", "float64 ulp"),
)


class Side(NamedTuple):
    """One run among those that are compared."""

    name: str  # "A", "B", ...
    run: Run
    folder: Path


class Distance(NamedTuple):
    """The largest distance between the numbers of two columns."""

    rows: int
    differing: int
    absolute: float
    relative: float  # to the larger of the two

    def ulp(self, dtype: type) -> float:
        """The relative distance in units in the last place of a dtype, or half of that."""
        return self.relative / float(np.finfo(dtype).eps)


def sides_of(folders: Sequence[Path]) -> dict[str, list[Side]]:
    """The runs in folders, by the experiment's name: those that more than one folder holds.

    Args:
        folders: each the folder of one run, or a folder of such.

    Returns:
        For each experiment its sides, in the order of the folders.

    Raises:
        ValueError: fewer than two folders or more than there are letters, one without a run or
            with two of one experiment, or no experiment in common.
    """
    if not 2 <= len(folders) <= len(LETTERS):
        raise ValueError(f"compare takes 2 to {len(LETTERS)} folders, got {len(folders)}")
    found: dict[str, list[Side]] = {}
    for letter, folder in zip(LETTERS, folders, strict=False):
        runs = list(_runs_in(folder))
        if not runs:
            raise ValueError(f"no run has left a folder in {folder}")
        for path, run in runs:
            sides = found.setdefault(run.name, [])
            if sides and sides[-1].name == letter:
                raise ValueError(f"{folder} holds two runs of {run.name}")
            sides.append(Side(letter, run, path))
    common = {name: sides for name, sides in found.items() if len(sides) > 1}
    if not common:
        there = " and ".join(sorted(found))
        raise ValueError(f"the folders have no experiment in common: they hold {there}")
    return common


def compare(sides: Sequence[Side]) -> tuple[Table, ...]:
    """Tables that lay the sides of one experiment side by side.

    Args:
        sides: two runs or more; each is held against the first.

    Returns:
        The circumstances that differ, the claims, and the columns of the tables.
    """
    return tuple(
        table
        for table in (_circumstances(sides), _claims(sides), _columns(sides))
        if len(next(iter(table.columns.values())))
    )


def distance(left: Sequence[Any], right: Sequence[Any]) -> Distance:
    """How far the numbers of two columns of one length are apart; missing ones are nan.

    Equal infinities and two nans do not differ; a number differs from nan by inf.

    Example:
        >>> distance([1.0, 2.0], [1.0, 2.5])
        Distance(rows=2, differing=1, absolute=0.5, relative=0.2)
    """
    a, b = (np.array([np.nan if v is None else v for v in c], np.float64) for c in (left, right))
    differs = (a != b) & ~(np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.where(differs, np.abs(a - b), 0.0)
        share = np.where(differs, apart / np.maximum(np.abs(a), np.abs(b)), 0.0)
    apart, share = (np.where(np.isnan(each), np.inf, each) for each in (apart, share))
    return Distance(
        len(a), int(differs.sum()), float(apart.max(initial=0)), float(share.max(initial=0))
    )


def _runs_in(folder: Path) -> Iterator[tuple[Path, Run]]:
    if (folder / "result.json").is_file():
        yield folder, read_run(folder)
        return
    for path in sorted(folder.glob("[!.]*/result.json")):
        yield path.parent, read_run(path.parent)


def _circumstances(sides: Sequence[Side]) -> Table:
    facts = [_facts(side.run) for side in sides]
    names = dict.fromkeys(name for each in facts for name in each)
    differing = [name for name in names if len({repr(each.get(name)) for each in facts}) > 1]
    columns: dict[str, Any] = {"fact": differing}
    for side, each in zip(sides, facts, strict=True):
        columns[side.name] = [_text(each.get(name)) for name in differing]
    return Table("circumstances", "What differs around the runs.", columns)


def _facts(run: Run) -> dict[str, Any]:
    environment = dict(run.environment)
    versions = environment.pop("versions", {})
    environment.pop("command", None)
    config = {f"config: {name}": value for name, value in run.config.items()}
    return environment | versions | config | {"seconds": round(run.seconds, 2)}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _claims(sides: Sequence[Side]) -> Table:
    claims = [
        {claim.text: claim for claim in side.run.verdict.claims} if side.run.verdict else {}
        for side in sides
    ]
    texts = list(dict.fromkeys(text for each in claims for text in each))
    columns: dict[str, Any] = {"claim": texts}
    for side, each in zip(sides, claims, strict=True):
        columns[side.name] = [each[text].value if text in each else None for text in texts]
        columns[f"{side.name} holds"] = [
            None if text not in each else "yes" if each[text].holds else "no" for text in texts
        ]
    for side in sides[1:]:
        columns[f"{side.name} over {sides[0].name}"] = [
            _ratio(columns[side.name][row], columns[sides[0].name][row])
            for row in range(len(texts))
        ]
    return Table("claims", "What was claimed, and found.", columns)


def _ratio(value: float | None, reference: float | None) -> float | None:
    if value is None or not reference:
        return None
    return value / reference


def _columns(sides: Sequence[Side]) -> Table:
    first, *others = (dict(_tables(side)) for side in sides)
    rows = [
        (name, column, f"{side.name} from {sides[0].name}", *_held_against(left, right))
        for side, tables in zip(sides[1:], others, strict=True)
        for name, column, left, right in _shared(first, tables)
    ]
    columns = dict(zip(HEADERS, zip(*rows, strict=True) if rows else [()] * 9, strict=True))
    return Table(
        "columns",
        "How far the numbers of the tables are apart, at most.",
        {name: list(values) for name, values in columns.items()},
        dict.fromkeys(HEADERS[5:], ".3g"),
    )


def _held_against(left: Sequence[Any], right: Sequence[Any]) -> tuple[Any, ...]:
    """The cells of a row behind the names; columns of different lengths are not compared."""
    if len(left) != len(right):
        return (f"{len(left)} and {len(right)}", *[None] * 5)
    apart = distance(left, right)
    ulps = (apart.ulp(dtype) for dtype in (np.float32, np.float64))
    return (str(apart.rows), *apart[1:], *ulps)


def _tables(side: Side) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    for table in side.run.tables:
        name = table["name"]
        yield name, read_table(side.folder / "tables" / f"{name}.parquet")


def _shared(
    first: dict[str, dict[str, list[Any]]], other: dict[str, dict[str, list[Any]]]
) -> Iterator[tuple[str, str, list[Any], list[Any]]]:
    """Each column of numbers that both have, with its table's name."""
    for name, table in first.items():
        for column, values in table.items():
            theirs = other.get(name, {}).get(column)
            if theirs is not None and _numeric(values) and _numeric(theirs):
                yield name, column, values, theirs


def _numeric(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present
    )
