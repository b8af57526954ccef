"""Data in many files, larger than memory: what is there, checked before a row is read.

A set of shards is Parquet files or NumPy archives with the same columns. Its rows come in blocks,
the parts that can be read by themselves: the row groups of a Parquet file, or a whole archive.
``read_batches`` (bcejax.data.streams) streams them.

Parquet is read by pyarrow, the reference implementation by the format's own project (Apache
Arrow), with wheels for every Python and no dependencies. Google's grain (0.2) reads Parquet by
pyarrow too, but hands out one row at a time as a Python dictionary, replays a shuffled window row
by row to resume, cannot say which shard was broken, and brings eleven packages along.
"""

import dataclasses
import glob
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from jax.typing import DTypeLike

from bcejax.data.csv_reader import PATIENCE
from bcejax.data.layouts import CorruptShardError, Layout
from bcejax.data.npz_shards import look_into_npz, read_npz_block
from bcejax.data.parquet_shards import look_into_parquet, read_row_group
from bcejax.data.tabulation import INDEX_NAMES, check_names, suggestion

AnyPath: TypeAlias = str | os.PathLike[str]


class _Format(NamedTuple):
    """How to read files of one suffix."""

    look: Callable[[Path], Layout]
    read: Callable[[Path, int, Sequence[str], np.dtype], np.ndarray]
    block: str  # what a block is called


FORMATS = {
    ".parquet": _Format(look_into_parquet, read_row_group, ", row group {}"),
    ".npz": _Format(look_into_npz, read_npz_block, ""),
}


class Shard(NamedTuple):
    """One file.

    Attributes:
        path: where it lies.
        blocks: rows of each block.
        size: bytes of the file.
    """

    path: Path
    blocks: tuple[int, ...]
    size: int

    def name(self, block: int) -> str:
        """A block in words: its file and, where that has several, its number."""
        return f"{self.path}{FORMATS[self.path.suffix.lower()].block.format(block)}"


class Fault(NamedTuple):
    """What could not be read, and was skipped as asked for.

    Attributes:
        name: the file, and the row group if only that is lost.
        rows: how many rows are lost; None where the file does not tell.
        reason: what is wrong with it, in one line.

    Example:
        >>> fault = Fault("day-7.parquet, row group 2", rows=None, reason="no page header")
        >>> f"{fault.name}: {fault.reason}, {fault.rows or 'an unknown number of'} rows lost"
        'day-7.parquet, row group 2: no page header, an unknown number of rows lost'
    """

    name: str
    rows: int | None
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSet:
    """Files with the same columns, as ``open_shards`` found them.

    Attributes:
        shards: the files, in the order given or by name.
        features: names of the d columns of a batch's inputs.
        label: name of the column of labels.
        weights: name of the column of weights, or None.
        dtype: of the arrays that are read.
        skip_corrupt: whether to pass over what cannot be read.
        faults: files that could not even be opened, if they were to be skipped.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/0.npz", age=np.array([40, 61]), ill=np.array([0, 1]))
        ...     shards = open_shards(folder, label="ill")
        ...     rows = shards.read(shards.shards[0], 0)
        >>> shards.columns, rows.tolist()
        (('age', 'ill'), [[40.0, 61.0], [0.0, 1.0]])
    """

    shards: tuple[Shard, ...]
    features: tuple[str, ...]
    label: str
    weights: str | None
    dtype: np.dtype
    skip_corrupt: bool
    faults: tuple[Fault, ...]

    @property
    def rows(self) -> int:
        """How many rows there are, by what the files say."""
        return sum(sum(shard.blocks) for shard in self.shards)

    @property
    def columns(self) -> tuple[str, ...]:
        """Features, label and, if there are any, weights: the columns that are read."""
        return _columns(self.features, self.label, self.weights)

    def read(self, shard: Shard, block: int) -> np.ndarray:
        """A block of n rows, (``columns``, n).

        Raises:
            CorruptShardError: it cannot be read.
        """
        read = FORMATS[shard.path.suffix.lower()].read
        try:
            columns = read(shard.path, block, self.columns, self.dtype)
        except KeyError as error:
            raise CorruptShardError(f"{shard.path} has changed: {error} is gone") from None
        n = columns.shape[1]
        if n != shard.blocks[block]:
            raise CorruptShardError(
                f"{shard.name(block)} has changed: {n} rows, not {shard.blocks[block]}"
            )
        return columns


def open_shards(
    paths: AnyPath | Iterable[AnyPath],
    *,
    label: str,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    dtype: DTypeLike = np.float32,
    skip_corrupt: bool = False,
) -> ShardSet:
    """Find shards and check that they belong together, reading only their heads and feet.

    Args:
        paths: a folder, whose ``.parquet`` or ``.npz`` files are taken by name; a pattern such as
            ``"data/part-*.parquet"``; a file; or files in an order of your own.
        label: name of the column of labels, numbers in [0, 1].
        features: names of the columns to learn from; None takes all others.
        weights: name of the column that says how much each example counts, numbers >= 0.
        dtype: float32 or float64, of the arrays to read into.
        skip_corrupt: pass over what cannot be read: a file whose foot is missing or which holds no
            rows here, a damaged block when its turn comes. Each is counted and reported. A value
            that makes no sense, such as a label 2, is not skipped but refused.

    Returns:
        The set; its order is that of ``paths``.

    Raises:
        FileNotFoundError: there is no such file or folder, or nothing matches.
        CorruptShardError: a file is cut off or damaged, or holds no rows, and is not to be skipped;
            or none is whole.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
        TypeError: a name is not a string, or ``dtype`` neither float32 nor float64.
        ValueError: another suffix; a column is missing, holds no numbers or is named twice; a file
            has other columns, or another type in one, than the first.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for number in range(3):
        ...         np.savez(f"{folder}/{number}.npz", x=np.zeros((4, 2)), ill=np.eye(4)[0])
        ...     shards = open_shards(folder, label="ill")
        >>> len(shards.shards), shards.rows, shards.features
        (3, 12, ('x_0', 'x_1'))
    """
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise TypeError(f"dtype is {kind}; it must be float32 or float64")
    found, faults = _look_into(_listed(paths), skip_corrupt)
    first, model = found[0]
    chosen = _choose(first, model, label, features, weights)
    used = tuple(model.columns) if features is None else _columns(chosen, label, weights)
    for path, layout in found[1:]:
        _check_alike(path, layout, first, model, used)
        extra = sorted(set(layout.columns) - set(model.columns))
        if extra and features is None:
            raise ValueError(f"{path} has a column {extra[0]!r}, {first} has not: name features")
    shards = tuple(Shard(path, each.blocks, path.stat().st_size) for path, each in found)
    return ShardSet(shards, chosen, label, weights, kind, skip_corrupt, faults)


def _listed(paths: AnyPath | Iterable[AnyPath]) -> list[Path]:
    """The files meant, each once, with a suffix that can be read."""
    if isinstance(paths, str | os.PathLike):
        files = _found(Path(paths))
    else:
        files = [Path(each) for each in paths]
    if not files:
        raise FileNotFoundError(f"paths: {paths!r} names no {' or '.join(FORMATS)} file")
    twice = sorted({str(each) for each in files if files.count(each) > 1})
    if twice:
        raise ValueError(f"paths name {twice[0]} more than once")
    for path in files:
        if path.suffix.lower() not in FORMATS:
            raise ValueError(f"{path}: the suffix must be one of {', '.join(FORMATS)}")
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
    if len({path.suffix.lower() for path in files}) > 1:
        raise ValueError(f"paths: files must be of one suffix, {' or '.join(FORMATS)}, not both")
    return files


def _found(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.suffix.lower() in FORMATS)
    if glob.has_magic(str(path)) and not path.exists():
        return sorted(map(Path, glob.glob(str(path))))
    return [path]


def _look_into(
    paths: Sequence[Path], skip_corrupt: bool
) -> tuple[list[tuple[Path, Layout]], tuple[Fault, ...]]:
    """The files that are whole, with what they hold, and those that are not."""
    found, faults = [], []
    said = time.monotonic()
    for number, path in enumerate(paths):
        if time.monotonic() - said > PATIENCE:
            said = time.monotonic()
            print(f"opening shards: {number} of {len(paths)}", file=sys.stderr)
        try:
            layout = FORMATS[path.suffix.lower()].look(path)
            if not sum(layout.blocks):
                raise CorruptShardError(f"{path} holds no rows")
            found.append((path, layout))
        except CorruptShardError as error:
            if not skip_corrupt:
                raise
            faults.append(Fault(str(path), None, str(error)))
    if not found:
        raise CorruptShardError(f"no shard can be read; the first: {faults[0].reason}")
    return found, tuple(faults)


def _choose(
    path: Path, layout: Layout, label: str, features: Sequence[str] | None, weights: str | None
) -> tuple[str, ...]:
    """The features, if the first file has all that is asked for."""
    # a row number that pandas saved is in the way only where all columns are taken
    names = tuple(n for n in layout.columns if features is None or n not in INDEX_NAMES)
    check_names(path, names, label, weights)
    others = [name for name in names if name not in (label, weights)]
    chosen = tuple(others if features is None else features)
    if not chosen:
        raise ValueError("features names no column")
    for name in chosen:
        if name not in names:
            raise ValueError(f"{path} has no column {name!r}{suggestion(name, names)}")
        if name not in others or chosen.count(name) > 1:
            raise ValueError(f"features: column {name!r} would be used twice")
    for name in _columns(chosen, label, weights):
        if name not in layout.numeric:
            raise ValueError(f"{path}, column {name!r} holds {layout.columns[name]}, not numbers")
    return chosen


def _columns(features: Sequence[str], label: str, weights: str | None) -> tuple[str, ...]:
    return (*features, label, *(() if weights is None else (weights,)))


def _check_alike(
    path: Path, layout: Layout, first: Path, model: Layout, names: Sequence[str]
) -> None:
    """Refuse a file in which one of these columns is missing or of another type."""
    for name in names:
        if name not in layout.columns:
            raise ValueError(f"{path} has no column {name!r}, as {first} has")
        if layout.columns[name] != model.columns[name]:
            raise ValueError(
                f"{path}, column {name!r} holds {layout.columns[name]}, "
                f"but {model.columns[name]} in {first}"
            )
