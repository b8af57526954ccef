"""``python -m experiments compare RUN_A RUN_B ...``: runs of other devices, dtypes or versions.

Each RUN is the folder of a run, or a folder of such: results of another machine, say. What their
experiments found is laid side by side, each held against the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from bcejax.commands import Page, Paragraph, Section, make_grid, typeset, write_page
from bcejax.numerics import require
from experiments.comparison import LETTERS, Side, compare, sides_of
from experiments.outcome import Table

ROWS = 200  # of a table on the page


@dataclass(frozen=True)
class Flags:
    """Of compare."""

    runs: tuple[Path, ...]
    """Folders of runs, or of such folders; two or more."""
    out: Path = Path("comparison.html")
    """The page that is written."""


def main(args: Sequence[str], registry: Sequence[str]) -> int:
    """Compare, print, and write the page."""
    tyro = require("tyro", extra="cli", purpose="reading flags")
    flags = tyro.cli(
        Flags,
        args=args,
        prog="python -m experiments compare",
        description=__doc__,
        config=(tyro.conf.PositionalRequiredArgs,),
    )
    console = Console(highlight=False)
    sections = []
    for name, sides in sides_of(flags.runs).items():
        tables = compare(sides)
        _print(console, name, tables)
        sections.append(_section(name, sides, tables))
    lead = tuple(f"{letter}: {folder}" for letter, folder in zip(LETTERS, flags.runs, strict=False))
    write_page(Page("Runs side by side", lead, tuple(sections)), flags.out)
    console.print(f"page: {flags.out}", soft_wrap=True)
    return 0


def _section(name: str, sides: Sequence[Side], tables: Sequence[Table]) -> Section:
    grids = [
        make_grid(table.caption, table.columns, formats=table.formats, rows=ROWS)
        for table in tables
    ]
    failed = [
        Paragraph(f"{side.name} did not finish: {side.run.error}", "note")
        for side in sides
        if side.run.verdict is None
    ]
    return Section(sides[0].run.opening.question, name, (*failed, *grids), kicker=name)


def _print(console: Console, name: str, tables: Sequence[Table]) -> None:
    console.print(f"[bold]{name}[/]")
    for table in tables:
        lines = RichTable(*table.columns, box=None, pad_edge=False, title=table.caption)
        lines.title_justify = "left"
        for row in zip(*table.columns.values(), strict=True):
            cells = zip(table.columns, row, strict=True)
            shown = (typeset(value, table.formats.get(header)) for header, value in cells)
            lines.add_row(*map(escape, shown))
        console.print(lines)
