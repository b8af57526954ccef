"""Parts of many examples side by side, in a few threads.

While NumPy works on an array Python's other threads run.  One core does not exhaust the memory, and
a product with a vector is about as fast as memory is; so two threads with half of the examples each
take little more than half of the time.

Products of NumPy's and SciPy's have threads of their own, which would contend with these, and which
OpenBLAS lets spin for a tenth of a second after each.  So meanwhile they have none, where
threadpoolctl is installed; scikit-learn brings it.
"""

import contextlib
import functools
import importlib.util
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

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
    with plain_products(numbers):
        others = [
            _pool().submit(_quietly, part, first, end)
            for first, end in itertools.pairwise(ends[1:])
        ]
        return [_quietly(part, ends[0], ends[1]), *(each.result() for each in others)]


@contextlib.contextmanager
def plain_products(numbers: int) -> Iterator[None]:
    """Meanwhile products have one thread, in all of the process; not if numbers are few.

    Around several calls of ``in_parts``, no threads of products between these spin.  Whoever is
    there already sets the limit and lifts it.

    Example:
        >>> with plain_products(2**20):
        ...     np.ones(2) @ np.ones(2)
        np.float64(2.0)
    """
    if numbers < WORTH or not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _limit():
            yield
    finally:
        _limiting.release()


_limiting = threading.Lock()


def _limit() -> AbstractContextManager[Any]:
    """To one thread for each product, where that is installed which can."""
    products = _products()
    return products.limit(limits=1) if products else contextlib.nullcontext()


@functools.cache
def _products() -> Any:
    """What sets the threads of products; None where nothing does."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    importlib.import_module("scipy.linalg")  # whose products are a library of their own
    # looks through all libraries of the process, which takes milliseconds
    found = importlib.import_module("threadpoolctl").ThreadpoolController()
    return found.select(user_api="blas")


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST)


# the threads do not follow into a fork
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _quietly(part: Callable[[int, int], Result], first: int, end: int) -> Result:
    with np.errstate(all="ignore"):
        return part(first, end)
