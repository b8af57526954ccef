"""Ways to one answer, each in a process of its own, timed by turns; and the memory of a call.

Libraries in one process slow each other down and share their memory.  So each way has a process,
which is blocked while others have their turn.

The memory of a call is the process's high water while it runs, less what it held before.  Linux is
told to give back what is free, and to forget the high water of what came before (proc(5),
clear_refs); elsewhere what came before counts too.
"""

import ctypes
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np

from experiments.environment import ROOT
from experiments.experiment import Track
from experiments.timing import Times, seconds_of, timed

Answer = TypeVar("Answer")


class Timed(Protocol):
    """What a first call gave, among it how long it took."""

    @property
    def seconds(self) -> float:
        """Of the call."""


First = TypeVar("First", bound=Timed)
Crew: TypeAlias = Mapping[str, Executor]  # who has each way


class Cost(NamedTuple, Generic[Answer]):
    """What a call took and gave."""

    seconds: float
    extra: int  # bytes of the process beside what it held before
    answer: Answer


@contextmanager
def crew(ways: Sequence[str], *, apart: bool) -> Iterator[Crew]:
    """A process for each way, without JAX's other devices; a thread where they are not apart."""
    with ExitStack() as stack:
        yield {way: stack.enter_context(_worker(apart)) for way in ways}


def _worker(apart: bool) -> Executor:
    if not apart:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_stay_on_cpu)


def _stay_on_cpu() -> None:
    """Before JAX is imported: the memory of other devices is not the process's."""
    os.environ["JAX_PLATFORMS"] = "cpu"


def by_turns(
    workers: Crew,
    first: Callable[..., First],
    words: Sequence[object],
    burst: Callable[[str, int], list[float]],
    *,
    turns: int,
    calls: int,
    track: Track,
    what: str,
) -> dict[str, tuple[First, Times]]:
    """Each way's first call by itself, then calls by turns, again and again.

    Args:
        workers: who has each way.
        first: makes the first call of a way with these words; run by its worker.
        words: for ``first``, behind the way.
        burst: gives the seconds of so many calls of a way; run by its worker.
        turns: how often each way has its turn.
        calls: in each.
        track: shows where it is.
        what: they are of.

    Returns:
        What each way's first call gave, and its times.
    """
    firsts = {
        way: workers[way].submit(first, way, *words).result()
        for way in track(tuple(workers), f"{what}, first calls")
    }
    warm: dict[str, list[float]] = {way: [] for way in workers}
    for _ in track(range(turns), f"{what}, turns"):
        for way, worker in workers.items():
            warm[way] += worker.submit(burst, way, calls).result()
    return {
        way: (found, Times(found.seconds, np.array(warm[way]))) for way, found in firsts.items()
    }


def cost_of(call: Callable[[], Answer]) -> Cost[Answer]:
    """Time and memory of a call in this process."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    before = high_water()
    seconds, answer = timed(call)
    return Cost(seconds, high_water() - before, answer)


def burst_of(call: Callable[[], object], calls: int) -> list[float]:
    """Seconds of calls in a row, after one that wakes the threads."""
    seconds_of(call)
    return [seconds_of(call) for _ in range(calls)]


def said_by(code: str, *words: str, env: Mapping[str, str] | None = None) -> Any:
    """What a program prints last, read as JSON; in an interpreter that has done nothing before.

    Args:
        code: the program.
        words: its ``sys.argv[1:]``.
        env: what its environment has beside this one's.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *words],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def high_water() -> int:
    """The most bytes that this process has held since it started, or was told to forget.

    By Linux's VmHWM where there is one: ru_maxrss also counts what the parent held (getrusage(2)).
    """
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"VmHWM:\s*(\d+) kB", status):
            return 1024 * int(found[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
