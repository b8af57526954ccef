"""Several tasks at once, each in a process of its own, whose steps and words reach one board.

A process sends what it is at, and in the end its answer.  What it prints, or what its libraries
print from below Python, is kept apart and shown as a whole, under its name, when it has ended.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import IO, Any, NamedTuple

from experiments.experiment import Item, Track
from experiments.progress import Board

OFTEN = 0.1  # seconds between two steps that are told
PATIENCE = 10.0  # seconds for an interrupted process to clean up


class Task(NamedTuple):
    """What one process does."""

    name: str
    work: Callable[[Track], Any]  # can be pickled, and so can what it gives
    alone: bool = False  # nothing else may run meanwhile


class Ended(NamedTuple):
    """A task and its answer; None where the process died before it had one, for this reason."""

    task: Task
    answer: Any
    died: str = ""


class Step(NamedTuple):
    """Where a process is."""

    what: str
    done: int
    total: int


@dataclass
class _Child:
    """A process under way."""

    task: Task
    process: SpawnProcess
    words: IO[str]  # what it prints


def in_processes(tasks: Sequence[Task], jobs: int, board: Board) -> Iterator[Ended]:
    """Do tasks, so many at once; those that must be alone come last.

    Args:
        tasks: what to do.
        jobs: how many processes at once.
        board: shows where each is.

    Yields:
        Each task when it has ended, however that was.
    """
    waiting = sorted(tasks, key=lambda task: task.alone)[::-1]
    running: dict[Connection, _Child] = {}
    try:
        while waiting or running:
            while waiting and _may_start(waiting[-1], running.values(), jobs):
                there, child = _start(waiting.pop())
                running[there] = child
                board.enter(child.task.name)
            ready = wait(list(running))
            for connection in [each for each in running if each in ready]:
                message = _received(connection)
                child = running[connection]
                if isinstance(message, Step):
                    board.show(child.task.name, *message)
                else:
                    del running[connection]
                    yield _ended(child, message, board)
    finally:
        for child in running.values():
            child.process.terminate()
        for child in running.values():
            _leave(child, board)


def _may_start(task: Task, running: Iterable[_Child], jobs: int) -> bool:
    there = list(running)
    if task.alone or any(child.task.alone for child in there):
        return not there
    return len(there) < jobs


def _start(task: Task) -> tuple[Connection, _Child]:
    spawning = get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    words = tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace")  # noqa: SIM115
    process = spawning.Process(target=_work, args=(task, there, words.name), name=task.name)
    process.start()
    there.close()  # so that the end of the process is the end of the pipe
    return here, _Child(task, process, words)


def _received(connection: Any) -> Any:
    """The next message; None where the process has ended without one."""
    try:
        return connection.recv()
    except EOFError:
        return None


def _ended(child: _Child, message: Any, board: Board) -> Ended:
    said = _leave(child, board)
    if message is not None:
        return Ended(child.task, message)
    reason = f"its process ended with status {child.process.exitcode}"
    return Ended(child.task, None, "\n".join([reason, *said]))


def _leave(child: _Child, board: Board) -> list[str]:
    """The process gone, what it printed shown and given."""
    child.process.join(PATIENCE)
    if child.process.is_alive():
        child.process.kill()
        child.process.join()
    with child.words:
        said = child.words.read().splitlines()
    board.leave(child.task.name, said)
    return said


def _work(task: Task, connection: Connection, words: str) -> None:
    """In the process: do the task, tell its steps, send its answer."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to stop is to clean up first
    file = os.open(words, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    with connection:
        try:
            connection.send(task.work(_telling(connection)))
        except KeyboardInterrupt:
            return


def _telling(connection: Connection) -> Track:
    """A ``Track`` that tells the other end of a pipe."""
    last = 0.0

    def track(items: Sequence[Item], what: str) -> Iterator[Item]:
        nonlocal last
        for done, item in enumerate(items):
            if (now := time.monotonic()) - last > OFTEN:
                last = now
                step = f" {item}" if isinstance(item, str | int | float) else ""
                connection.send(Step(what + step, done, len(items)))
            yield item

    return track
