"""Parts of many examples side by side, in a few threads.

While NumPy works on an array Python's other threads run.  One core does not exhaust the memory, and
a product with a vector is about as fast as memory is; so two threads with half of the examples each
take little more than half of the time.
"""

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

MOST = 4  # threads; more wait for the memory, and for each other
WORTH = 2**20  # numbers to be read from which on a second thread pays

Result = TypeVar("Result")


def in_parts(count: int, numbers: int, part: Callable[[int, int], Result]) -> list[Result]:
    """What a function gives for parts [first, end) of so many examples.

    Args:
        count: of examples.
        numbers: that they hold in all; few are one part.
        part: must not call ``in_parts`` itself; warnings of what overflows are off.

    Example:
        >>> in_parts(5, 10, lambda first, end: list(range(first, end)))
        [[0, 1, 2, 3, 4]]
    """
    threads = min(MOST, os.cpu_count() or 1) if numbers >= WORTH else 1
    ends = [count * k // threads for k in range(threads + 1)]
    others = [
        _pool().submit(_quietly, part, first, end) for first, end in itertools.pairwise(ends[1:])
    ]
    return [_quietly(part, ends[0], ends[1]), *(each.result() for each in others)]


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST)


# the threads do not follow into a fork
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _quietly(part: Callable[[int, int], Result], first: int, end: int) -> Result:
    with np.errstate(all="ignore"):
        return part(first, end)
