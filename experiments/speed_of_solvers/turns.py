"""All programs, each in a process of its own, timed by turns.

Two libraries in one process slow each other down: their threads spin for a while when their work
has ended.  Here only one process works at a time, and answers when they sleep.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from experiments import Track
from experiments.environment import ROOT
from experiments.speed_of_solvers.peers import installed
from experiments.speed_of_solvers.setting import Config, Task
from experiments.timing import OURS, Times

POOLS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "BLIS")  # whose threads are set


class Worker:
    """One program at one number of threads; 0 leaves that to the program."""

    def __init__(self, program: str, threads: int, label: str, anew: bool) -> None:
        self.label = label
        words = ["-m", "experiments.speed_of_solvers.worker", program, str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=_environment(threads, anew),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        """The answer to a request.

        Raises:
            RuntimeError: the program raised, or is gone.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            pickle.dump((method, *arguments), self._process.stdin)
            self._process.stdin.flush()
            well, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):
            raise RuntimeError(f"{self.label} ended at {method}") from None
        if not well:
            raise RuntimeError(f"{self.label} at {method}:\n{answer}")
        return answer

    def dismiss(self) -> None:
        """The end of the requests, and of the process."""
        self._process.communicate()


def _environment(threads: int, anew: bool) -> dict[str, str]:
    """This one, with the threads, the CPU, and where asked nothing compiled before."""
    set_threads = {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS} if threads else {}
    without = {"JAX_ENABLE_COMPILATION_CACHE": "0"} if anew else {}
    return {**os.environ, "JAX_PLATFORMS": "cpu", **set_threads, **without}


@contextmanager
def crew(config: Config) -> Iterator[list[Worker]]:
    """Ours first, then each peer at each number of threads."""
    workers = [Worker(OURS, config.own_threads, OURS, config.anew)]
    for program, number in installed().items():
        for threads in config.threads:
            label = f"{program} {number}, {threads} thread{'s' * (threads > 1)}"
            workers.append(Worker(program, threads, label, config.anew))
    try:
        yield workers
    finally:
        for worker in workers:
            worker.dismiss()


Way: TypeAlias = tuple[Worker, str]


class Lap(NamedTuple):
    """A task done by all: times and answers by the names of the ways."""

    times: dict[str, Times]
    answers: dict[str, np.ndarray]


def race(task: Task, workers: list[Worker], config: Config, track: Track) -> Lap:
    """Each way once by itself, then bursts by turns."""
    ways: dict[str, Way] = {
        f"{worker.label}, {way}" if way else worker.label: (worker, way)
        for worker in workers
        for way in worker.ask("prepare", task, config.seed)
    }
    first, answers = {}, {}
    for name in track(tuple(ways), f"{task.name}, first calls"):
        worker, way = ways[name]
        first[name], answers[name] = worker.ask("first", way)
    warm: dict[str, list[float]] = {name: [] for name in ways}
    for _ in track(range(config.turns), f"{task.name}, turns"):
        for name, (worker, way) in ways.items():
            if sum(warm[name]) < config.patience:
                warm[name] += worker.ask("burst", way, config.burst)
    return Lap({name: Times(first[name], np.array(warm[name])) for name in ways}, answers)
