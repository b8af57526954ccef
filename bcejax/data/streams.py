"""Rows out of shards, in an order that a seed fixes, through bounded memory.

An epoch puts the blocks of all shards into a random order and cuts that into windows: as many
blocks in a row as hold ``window`` rows together, one at least. The rows of a window are permuted,
and the windows follow each other. So

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
from typing import NamedTuple, NoReturn, TypeAlias

import jax
import numpy as np

from bcejax.data.layouts import CorruptShardError
from bcejax.data.records import Batch
from bcejax.data.shards import Fault, Shard, ShardSet
from bcejax.numerics import check_labels
from bcejax.numerics.options import check_count

_NUMBERS = 2**24  # of a window, where its rows are not given: 64 MiB in float32

Block: TypeAlias = tuple[Shard, int]


class Position(NamedTuple):
    """A place in the stream of an epoch: so many rows of this window have been read."""

    window: int = 0
    row: int = 0


class Piece(NamedTuple):
    """A batch, and the place behind it, from which to go on."""

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

    def read(number: int) -> _Rows:
        order = None if seed is None else _random(seed, epoch, number)
        return _read_window(shards, windows[number], order)

    def rows() -> Generator[tuple[int, Batch]]:
        numbers = range(start.window, len(windows))
        with closing(_ahead(read, numbers, prefetch)) as windows_read:
            for number, found in zip(numbers, windows_read, strict=True):
                for fault in found.faults:
                    (report or _warn)(fault)
                yield number, found.batch

    return _cut(rows(), batch_size, start, Position(len(windows)))


def plan_windows(
    shards: ShardSet, *, seed: int | Sequence[int] | None, epoch: int = 0, window: int | None = None
) -> list[list[Block]]:
    """Which blocks make which window of an epoch; arguments as those of ``read_batches``.

    Returns:
        The windows, each a list of (shard, number of the block in it).

    Raises:
        ValueError: ``window`` is below 1, or the seed or the epoch below 0.
        TypeError: one of these is not an integer.

    Example:
        >>> from pathlib import Path
        >>> shards = ShardSet(
        ...     (Shard(Path("a.npz"), (5,), 0), Shard(Path("b.npz"), (4,), 0)),
        ...     ("x",), "y", None, np.dtype(np.float32), False, (),
        ... )
        >>> [len(each) for each in plan_windows(shards, seed=0, window=9)]
        [2]
    """
    check_count("epoch", epoch, least=0)
    for word in () if seed is None else seed if isinstance(seed, Sequence) else (seed,):
        check_count("seed", word, least=0)
    size = window_rows(shards, window)
    blocks = [
        (shard, block) for shard in shards.shards for block, n in enumerate(shard.blocks) if n
    ]
    if seed is None:
        return [[block] for block in blocks]
    windows: list[list[Block]] = []
    room = 0
    for place in _random(seed, epoch).permutation(len(blocks)):
        shard, block = blocks[place]
        if shard.blocks[block] > room:
            windows.append([])
            room = size
        windows[-1].append((shard, block))
        room -= shard.blocks[block]
    return windows


def window_rows(shards: ShardSet, window: int | None) -> int:
    """Rows of a window: as given, or what makes 2^24 numbers.

    Raises:
        ValueError: ``window`` is below 1.
        TypeError: it is not an integer.
    """
    if window is None:
        return max(1, _NUMBERS // len(shards.columns))
    check_count("window", window)
    return window


class _Rows(NamedTuple):
    """A window in its order, and what of it could not be read."""

    batch: Batch
    faults: tuple[Fault, ...]


def _random(seed: int | Sequence[int], *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _warn(fault: Fault) -> None:
    warnings.warn(f"skipped {fault.name}: {fault.reason}", RuntimeWarning, stacklevel=2)


def _read_window(
    shards: ShardSet, blocks: list[Block], random: np.random.Generator | None
) -> _Rows:
    """The rows of some blocks, permuted: each block is scattered to its places as it comes."""
    total = sum(shard.blocks[block] for shard, block in blocks)
    places = np.arange(total) if random is None else random.permutation(total)
    d = len(shards.features)
    inputs = np.empty((total, d), shards.dtype)
    others = np.empty((len(shards.columns) - d, total), shards.dtype)
    faults, lost, end = [], [], 0
    for shard, block in blocks:
        begin, end = end, end + shard.blocks[block]
        try:
            columns = shards.read(shard, block)
        except CorruptShardError as error:
            if not shards.skip_corrupt:
                raise
            faults.append(Fault(shard.name(block), end - begin, str(error)))
            lost.append(places[begin:end])
            continue
        _check_values(shards, shard.name(block), columns)
        # turned first: scattering column by column takes five times as long
        inputs[places[begin:end]] = np.ascontiguousarray(columns[:d].T)
        others[:, places[begin:end]] = columns[d:]
    batch = Batch(inputs, others[0], None if shards.weights is None else others[1])
    if lost:
        whole = np.ones(total, bool)
        whole[np.concatenate(lost)] = False
        batch = jax.tree.map(lambda array: array[whole], batch)
    return _Rows(batch, tuple(faults))


def _check_values(shards: ShardSet, name: str, columns: np.ndarray) -> None:
    """Refuse rows that are no examples; the line names file, row and column."""

    def refuse(column: int, row: int, fault: str) -> NoReturn:
        place = f"{name}, row {row} (the first is 0), column {shards.columns[column]!r}"
        raise ValueError(f"{place}: {fault}") from None

    if not np.isfinite([columns.min(), columns.max()]).all():
        column, row = np.argwhere(~np.isfinite(columns))[0]
        missing = np.isnan(columns[column, row])
        refuse(column, row, "the value is missing (nan)" if missing else "infinite value")
    d = len(shards.features)
    labels = columns[d]
    try:
        check_labels(labels)
    except ValueError as error:
        slack = 4 * np.finfo(labels.dtype).eps  # that of check_labels
        refuse(d, int(np.argmax((labels < -slack) | (labels > 1 + slack))), str(error))
    if shards.weights is not None and columns[d + 1].min() < 0:
        row = int(columns[d + 1].argmin())
        refuse(d + 1, row, f"weight {columns[d + 1, row]:g} is negative")


def _ahead(read: Callable[[int], _Rows], numbers: range, prefetch: int) -> Generator[_Rows]:
    """What ``read`` gives for each number, read so many ahead by a thread."""
    if not prefetch:
        yield from map(read, numbers)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="shards")
    ahead: deque[Future[_Rows]] = deque()
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
