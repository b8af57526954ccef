"""Windows: the blocks of shards that are read together, and the rows in them, permuted.

An epoch puts the blocks of all shards into a random order and cuts that into windows: as many
blocks in a row as hold ``window`` rows together, one at least. The rows of a window are permuted
by a generator of (seed, epoch, window), so that a window is known without those before it.

The permutation says where each row goes, so a block is scattered to its places as soon as it is
read, and a window is never there twice. A block that cannot be read leaves its places out.
"""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn, TypeAlias

import jax
import numpy as np

from bcejax.data.layouts import CorruptShardError
from bcejax.data.records import Batch
from bcejax.data.shards import Fault, Shard, ShardSet
from bcejax.data.tabulation import fault_of_labels
from bcejax.numerics.options import check_count

_NUMBERS = 2**24  # of a window, where its rows are not given: 64 MiB in float32

Block: TypeAlias = tuple[Shard, int]


class Window(NamedTuple):
    """Rows in their order, and what could not be read."""

    batch: Batch
    faults: tuple[Fault, ...]


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
    for place in random_of(seed, epoch).permutation(len(blocks)):
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


def random_of(seed: int | Sequence[int], *key: int) -> np.random.Generator:
    """The generator of an epoch, or of (epoch, window)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def read_window(
    shards: ShardSet, blocks: Sequence[Block], random: np.random.Generator | None
) -> Window:
    """The rows of some blocks, permuted, or as they lie where ``random`` is None.

    Raises:
        CorruptShardError: a block cannot be read, and is not to be skipped.
        ValueError: a value that makes no sense, with its file, row and column.
    """
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
        # turned first: to scatter column by column takes longer
        inputs[places[begin:end]] = np.ascontiguousarray(columns[:d].T)
        others[:, places[begin:end]] = columns[d:]
    batch = Batch(inputs, others[0], None if shards.weights is None else others[1])
    if lost:
        whole = np.ones(total, bool)
        whole[np.concatenate(lost)] = False
        batch = jax.tree.map(lambda array: array[whole], batch)
    return Window(batch, tuple(faults))


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
    if fault := fault_of_labels(columns[d]):
        refuse(d, *fault)
    if shards.weights is not None and columns[d + 1].min() < 0:
        row = int(columns[d + 1].argmin())
        refuse(d + 1, row, f"weight {columns[d + 1, row]:g} is negative")
