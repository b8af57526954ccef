"""``python -m experiments report``: write the report again from the folders that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bcejax.numerics import require
from experiments.registry import name_of
from experiments.report import write_report


@dataclass(frozen=True)
class Flags:
    """Of report."""

    out: Path = Path("results")
    """Folder of the experiments' folders."""


def main(args: Sequence[str], registry: Sequence[str]) -> int:
    """Write the pages and say where."""
    tyro = require("tyro", extra="cli", purpose="reading flags")
    flags = tyro.cli(Flags, args=args, prog="python -m experiments report", description=__doc__)
    print(f"report: {write_report(flags.out, [name_of(module) for module in registry])}")
    return 0
