"""What a person sees while a command works: the stage it is at, and what is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Stages:
    """On a terminal a spinner at the stage under way; everywhere a line for each that is done.

    A stage that fails leaves no line, so that an error stands alone.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, done: str, what: str) -> Iterator[Callable[[str, int, int], None]]:
        """While the ``with`` lasts, this is under way; it gives what tells how far it has come.

        Args:
            done: the verb for when it is done, such as "read".
            what: of what.
        """
        start = time.monotonic()
        with self._console.status(escape(what)) as status:

            def say(step: str, count: int, of: int) -> None:
                status.update(escape(f"{step}, {count} of {of}"))

            yield say
        took = time.monotonic() - start
        line = f"{done} {what} in {took:.1f} s"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
