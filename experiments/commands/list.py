"""``python -m experiments list``: the name and the question of each experiment."""

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.registry import name_of, opening_of


def main(args: Sequence[str], registry: Sequence[str]) -> int:
    """Print the list, without importing any experiment."""
    if args:
        raise ValueError(f"list takes nothing more, got {shlex.join(args)}")
    lines = Table.grid(padding=(0, 3))
    for module in registry:
        lines.add_row(name_of(module), escape(opening_of(module).question))
    Console().print(lines)
    return 0
