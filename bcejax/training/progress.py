"""Show how far training has come: a bar on a terminal, a line now and then in a log."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from bcejax.numerics import require
from bcejax.training.records import Figures

Show: TypeAlias = Callable[[float, Figures], None]

_FIRST_LINE, _GROWTH = 2.0, 1.5  # seconds to the first line of a log, then ever rarer


@contextlib.contextmanager
def shown_progress(progress: bool, epochs: int) -> Iterator[Show]:
    """Show progress on standard error while the body runs.

    Args:
        progress: whether to show anything.
        epochs: how many there will be.

    Yields:
        A function to call with how many epochs are finished, and their figures.
    """
    if not progress:
        yield lambda done, figures: None
        return
    console = require("rich.console", extra="cli", purpose="progress=True").Console(stderr=True)
    show = _bar if console.is_terminal or console.is_jupyter else _log
    with show(console, epochs) as shown:
        yield shown


@contextlib.contextmanager
def _bar(console, epochs):  # type: ignore[no-untyped-def]
    rich = require("rich.progress", extra="cli", purpose="progress=True")
    columns = (
        rich.TextColumn("epoch"),
        rich.MofNCompleteColumn(),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[figures]}"),
        rich.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with rich.Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=epochs, figures="")
        yield lambda done, figures: bar.update(task, completed=done, figures=_line(figures))


@contextlib.contextmanager
def _log(console, epochs):  # type: ignore[no-untyped-def]
    start = time.monotonic()
    due, last = _FIRST_LINE, ""

    def show(done: float, figures: Figures) -> None:
        nonlocal due, last
        last = f"epoch {done:.6g}/{epochs}  {_line(figures)}"
        if time.monotonic() - start >= due:
            print(last, file=sys.stderr, flush=True)
            due, last = (time.monotonic() - start) * _GROWTH, ""

    yield show
    if last:
        print(last, file=sys.stderr, flush=True)


def _line(figures: Figures) -> str:
    """The figures of the last epoch in words."""
    words = ("loss", "accuracy", "validation loss", "accuracy")
    shown = zip(words, figures, strict=True)
    return "  ".join(
        f"{word} {column[-1]:.4f}" for word, column in shown if column is not None and len(column)
    )
