"""Rows out of shards, in an order that a seed fixes, through bounded memory.

An epoch is cut into windows of whole blocks whose rows are permuted (bcejax.data.windows); they
follow each other, and batches are cut out of them. So

    every row comes once an epoch;
    the order depends on (seed, epoch, window) and on what the files say of their blocks, on
    nothing else: not on batches, on threads, or on where a reader went on;
    a place in it is two numbers, window and row, and going on reads one window anew.

Rows mix inside a window and not beyond it: files sorted by label need windows of many blocks. A
thread reads ``prefetch`` windows ahead.

Memory: with w = max(window, largest block) rows of c columns of s bytes, at most

    (prefetch + 2) w c s    the window in use, those ahead, and the one being filled
    + 8 w                   its order
    + 4 b c s'              a block of b rows: as it lies in the file, decoded (in s' bytes), as
                            columns and as rows
    + batch_size c s        a batch that lies across two windows

(tests/data/test_streams.py).
"""

import warnings
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

import jax
import numpy as np

from bcejax.data.records import Batch
from bcejax.data.shards import Fault, ShardSet
from bcejax.data.windows import Window, plan_windows, random_of, read_window
from bcejax.numerics.options import check_count


class Position(NamedTuple):
    """A place in the stream of an epoch: so many rows of this window have been read.

    Example:
        >>> Position() < Position(row=64) < Position(window=1)
        True
    """

    window: int = 0
    row: int = 0


class Piece(NamedTuple):
    """A batch, and the place behind it, from which to go on.

    Example:
        >>> import tempfile
        >>> from bcejax.data.shards import open_shards
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", x=np.arange(5.0), y=np.ones(5))
        ...     pieces = list(read_batches(open_shards(folder, label="y"), 2, seed=0))
        >>> [tuple(piece.position) for piece in pieces]
        [(0, 2), (0, 4), (1, 0)]
    """

    batch: Batch
    position: Position


def read_batches(
    shards: ShardSet,
    batch_size: int,
    *,
    seed: int | Sequence[int] | None,
    epoch: int = 0,
    window: int | None = None,
    start: Position = Position(),  # noqa: B008
    prefetch: int = 1,
    report: Callable[[Fault], None] | None = None,
) -> Generator[Piece]:
    """The batches of one epoch.

    Args:
        shards: from ``open_shards``.
        batch_size: rows of a batch; the last of an epoch is as short as it comes.
        seed: whole numbers >= 0 that fix the order with ``epoch``; None reads the files as they
            lie, a block at a time.
        epoch: counted from 0.
        window: rows to mix at a time; None takes what makes 2^24 numbers.
        start: where to go on: the position of the last batch that was used.
        prefetch: windows to read ahead; 0 reads in the caller's thread, when asked.
        report: what to call with each block that cannot be read and is skipped; None warns.

    Yields:
        Each batch of NumPy arrays in the set's dtype, not to be written to, and the place behind
        it.

    Raises:
        CorruptShardError: a block cannot be read, and is not to be skipped.
        ValueError: a value that is missing or infinite, a label outside [0, 1], a negative weight,
            each with its file and row; ``batch_size`` or ``window`` below 1, ``prefetch`` below 0,
            or a start behind the end.
        TypeError: one of these is not an integer.

    Warns:
        RuntimeWarning: a block was skipped, and there is no ``report``.

    Example:
        >>> import tempfile
        >>> from bcejax.data.shards import open_shards
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", x=np.arange(5.0), y=np.ones(5))
        ...     shards = open_shards(folder, label="y")
        ...     pieces = list(read_batches(shards, 2, seed=0))
        ...     later = list(read_batches(shards, 2, seed=0, start=pieces[0].position))
        >>> [len(piece.batch.labels) for piece in pieces]
        [2, 2, 1]
        >>> all(np.array_equal(a.batch.inputs, b.batch.inputs) for a, b in zip(pieces[1:], later))
        True
    """
    check_count("batch_size", batch_size)
    check_count("prefetch", prefetch, least=0)
    windows = plan_windows(shards, seed=seed, epoch=epoch, window=window)
    if not 0 <= start.window <= len(windows):
        raise ValueError(f"start is window {start.window}, but there are {len(windows)}")
    if start.row < 0:
        raise ValueError(f"start is row {start.row}; there must be 0 or more")

    def read(number: int) -> Window:
        order = None if seed is None else random_of(seed, epoch, number)
        return read_window(shards, windows[number], order)

    def rows() -> Generator[tuple[int, Batch]]:
        numbers = range(start.window, len(windows))
        with closing(_ahead(read, numbers, prefetch)) as windows_read:
            for number, found in zip(numbers, windows_read, strict=True):
                for fault in found.faults:
                    (report or _warn)(fault)
                yield number, found.batch

    return _cut(rows(), batch_size, start, Position(len(windows)))


def _warn(fault: Fault) -> None:
    warnings.warn(f"skipped {fault.name}: {fault.reason}", RuntimeWarning, stacklevel=2)


def _ahead(read: Callable[[int], Window], numbers: range, prefetch: int) -> Generator[Window]:
    """What ``read`` gives for each number, read so many ahead by a thread."""
    if not prefetch:
        yield from map(read, numbers)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="shards")
    ahead: deque[Future[Window]] = deque()
    try:
        for number in numbers:
            ahead.append(pool.submit(read, number))
            if len(ahead) > prefetch:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cut(
    windows: Generator[tuple[int, Batch]], size: int, start: Position, end: Position
) -> Generator[Piece]:
    """Windows end to end, cut into batches."""
    parts: list[Batch] = []
    missing = size
    with closing(windows):
        for number, rows in windows:
            n = len(rows.labels)
            at = start.row if number == start.window else 0
            while n - at >= missing:
                parts.append(_rows_of(rows, at, at + missing))
                at, missing = at + missing, size
                place = Position(number, at) if at < n else Position(number + 1)
                yield Piece(_joined(parts), place)
                parts = []
            if at < n:
                # copied, or a few rows would keep a window alive
                parts.append(jax.tree.map(np.copy, _rows_of(rows, at, n)))
                missing -= n - at
    if parts:
        yield Piece(_joined(parts), end)


def _rows_of(batch: Batch, begin: int, end: int) -> Batch:
    return jax.tree.map(lambda array: array[begin:end], batch)


def _joined(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
