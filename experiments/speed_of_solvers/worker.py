"""A process that holds one program, and times its calls when asked to.

    python -m experiments.speed_of_solvers.worker PROGRAM THREADS

It reads pickled requests and answers each with a pickle, once its threads sleep; between them it is
blocked and takes nothing from the others. A request is the name of a method of ``Bench`` and its
arguments; an answer says whether that went well, and what it returned, or else the traceback.
"""

import os
import pickle
import sys
import time
import traceback
import warnings
from functools import partial
from importlib import import_module

import numpy as np

from experiments.speed_of_solvers.peers import PEERS, Call, ways_of
from experiments.speed_of_solvers.problems import draw
from experiments.speed_of_solvers.setting import Task
from experiments.timing import seconds_of, timed

CALLS = 5  # of a burst, at most
LOOK, LOOKS = 0.01, 100  # seconds between looks at what threads do, and how many at most


class Bench:
    """One program, and the task it is at."""

    def __init__(self, program: str, threads: int) -> None:
        self._program, self._threads = program, threads
        self._ways: dict[str, Call] = {}
        self._inputs = np.zeros((0, 0))

    def prepare(self, task: Task, seed: int) -> list[str]:
        """Draw the data; the names of the ways."""
        self._ways.clear()  # before other data come
        data = draw(task, seed)
        self._inputs = data.inputs
        if self._program in PEERS:
            self._ways = ways_of(self._program, task, data, self._threads)
        else:
            # by name, so that a peer's process goes without JAX
            self._ways = import_module("experiments.speed_of_solvers.ours").ways_of_ours(task, data)
        return list(self._ways)

    def first(self, way: str) -> tuple[float, np.ndarray]:
        """Seconds of the first call, and its answer."""
        return timed(self._ways[way])

    def burst(self, way: str, seconds: float) -> list[float]:
        """Seconds of calls in a row, for so long.

        The first wakes the threads and is not counted, where it is not all there is time for.
        """
        waking = timed(self._ways[way])[0]
        if waking >= seconds:
            return [waking]
        taken: list[float] = []
        while len(taken) < CALLS and (not taken or sum(taken) + waking < seconds):
            taken.append(timed(self._ways[way])[0])
        return taken

    def limits(self) -> tuple[float, float]:
        """Seconds of a copy of the inputs X, and of a product X'X: the best of five each."""
        inputs, copy = self._inputs, np.empty_like(self._inputs)
        copying = partial(np.copyto, copy, inputs)
        product = partial(np.matmul, inputs.T, inputs)
        least = [min(seconds_of(each) for _ in range(CALLS)) for each in (copying, product)]
        return least[0], least[1]


def serve(program: str, threads: int) -> None:
    """Answer until the requests end."""
    # what others print must not come between the answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    bench = Bench(program, threads)
    while True:
        try:
            method, *arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = True, getattr(bench, method)(*arguments)
        except Exception:
            answer = False, traceback.format_exc()
        _come_to_rest()
        pickle.dump(answer, answers)
        answers.flush()


def _come_to_rest() -> None:
    """Wait for threads that spin when their work has ended, OpenBLAS's for 2^28 cycles."""
    for _ in range(LOOKS):
        spent = time.process_time()
        time.sleep(LOOK)
        if time.process_time() - spent < LOOK / 4:
            return


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(sys.argv[1], int(sys.argv[2]))
