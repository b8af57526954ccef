"""What a person sees while experiments run: a line for each that is done, bars for the rest."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TimeElapsedColumn,
)

Item = TypeVar("Item")
ROOM = 28  # letters of a line that are not its description


class Board:
    """Bars for the experiments and for the steps inside; without a terminal, lines alone."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress = progress
        self._all = progress.add_task("experiments", total=count)
        self._lanes: dict[str, TaskID] = {}

    def start(self, name: str) -> None:
        """Say which experiment comes next."""
        self._progress.update(self._all, description=name)
        self._announce(name)

    def finish(self, line: str) -> None:
        """Keep a line about the experiment that ended."""
        self._progress.console.print(line, soft_wrap=True)
        self._progress.advance(self._all)

    def enter(self, name: str) -> None:
        """Give an experiment that runs beside others a bar of its own."""
        self._announce(name)
        self._lanes[name] = self._progress.add_task(f"  {name}", total=None)

    def show(self, name: str, what: str, done: int, total: int) -> None:
        """Say where such an experiment is."""
        line = self._line(f"{name}: {what}")
        self._progress.update(self._lanes[name], description=line, completed=done, total=total)

    def leave(self, name: str, said: Sequence[str] = ()) -> None:
        """Take its bar away, and show what it printed, each line under its name."""
        self._progress.remove_task(self._lanes.pop(name))
        for line in said:
            self._progress.console.print(f"[dim]{name} |[/] {escape(line)}", soft_wrap=True)

    def track(self, items: Sequence[Item], what: str) -> Iterable[Item]:
        """The items, one after the other, each as a step of a bar below: a ``Track``."""
        task = self._progress.add_task(self._line(what), total=len(items))
        try:
            for item in items:
                step = f" {item}" if isinstance(item, str | int | float) else ""
                self._progress.update(task, description=self._line(f"{what}{step}"))
                yield item
                self._progress.advance(task)
        finally:
            self._progress.remove_task(task)

    def _line(self, words: str) -> str:
        """Beside a bar, cut where count and time would have no room."""
        room = max(self._progress.console.width - ROOM, 10)
        return escape("  " + (words if len(words) <= room else f"{words[: room - 1]}…"))

    def _announce(self, name: str) -> None:
        """Where no bar can show it, a line."""
        if not self._progress.console.is_terminal:
            self._progress.console.print(f"  {name} ...")


@contextmanager
def watch(console: Console, count: int) -> Iterator[Board]:
    """A board for so many experiments, gone when the ``with`` ends."""
    columns = (
        SpinnerColumn(),
        "{task.description}",
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield Board(progress, count)
