"""Sums over many examples, a part of them in each of a few threads.

While NumPy works on an array Python's other threads run.  One core does not exhaust the memory, and
a product with a vector is about as fast as memory is; so two threads with half of the examples each
take little more than half of the time.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from bcejax.solvers.matrices import CACHED

MOST = 4  # threads; more wait for the memory, and for each other
RUN = 512  # examples
WORTH = 2**18  # numbers among the inputs from which on a second thread pays

Part: TypeAlias = Callable[[int, int], tuple[Any, ...]]


class Crew:
    """Threads, for as long as a ``with`` statement lasts.

    Example:
        >>> with Crew(5, 1) as crew:
        ...     crew.total(5, lambda first, end: (sum(range(first, end)),))
        (10,)
    """

    def __init__(self, examples: int, columns: int):
        many = examples * columns >= WORTH
        self._size = min(MOST, os.cpu_count() or 1) if many else 1
        self._length = max(8, CACHED // max(columns, 1))
        self._pool = ThreadPoolExecutor(self._size)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()

    def total(self, count: int, part: Part) -> tuple[Any, ...]:
        """The sums of what a function gives for parts [first, end) of so many examples."""
        ends = [count * k // self._size for k in range(self._size + 1)]
        others = [self._pool.submit(_quietly, part, *pair) for pair in itertools.pairwise(ends[1:])]
        sums = _quietly(part, ends[0], ends[1])
        for other in others:
            sums = tuple(a + b for a, b in zip(sums, other.result(), strict=True))
        return sums

    def run_of(self, block: slice, stride: int) -> list[slice]:
        """Examples in a row from a block, or none, so that in all they are one of so many.

        Long runs from some blocks, for of a few examples a product of matrices is slow.
        """
        apart = max(1, round(RUN * stride / self._length))
        if block.start // self._length % apart != apart // 2:
            return []
        run = min(apart * self._length // stride, self._length)
        return [slice(block.start, min(block.start + run, block.stop))]

    def blocks(self, first: int, end: int) -> Iterator[slice]:
        """[first, end) in pieces that stay in the cache."""
        for k in range(first, end, self._length):
            yield slice(k, min(k + self._length, end))


def _quietly(part: Part, first: int, end: int) -> tuple[Any, ...]:
    """Without warnings of what overflows, in this thread."""
    with np.errstate(all="ignore"):
        return part(first, end)
