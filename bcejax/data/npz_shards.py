"""Shards that are NumPy archives, as ``numpy.savez`` writes them; a file is one block.

Each array is a column (n,), or a block (n, k) of columns called ``name_0`` to ``name_(k-1)``, as
``load_table`` has it. The zip format keeps a checksum of each array, so damage is always found.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bcejax.data.layouts import CorruptShardError, Layout


class _Place(NamedTuple):
    """Where a column stands, and its dtype."""

    array: str
    column: int
    dtype: np.dtype


def look_into_npz(path: Path) -> Layout:
    """Columns and rows, from the headers of the arrays.

    Raises:
        CorruptShardError: the file is not whole.
        ValueError: the arrays are not (n,) or (n, k) with one n for all, or two columns have one
            name.
    """
    headers = _headers(path)
    lengths = {name: shape[0] for name, (shape, _) in headers.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path}: the arrays must have one length, got {lengths}")
    places = _places(path, headers)
    numeric = frozenset(name for name, place in places.items() if place.dtype.kind in "biuf")
    columns = {name: str(place.dtype) for name, place in places.items()}
    return Layout(columns, numeric, tuple(set(lengths.values())))


def read_npz_block(path: Path, block: int, names: Sequence[str], dtype: np.dtype) -> np.ndarray:
    """Some columns of an archive, (columns, n); ``block`` is 0.

    Raises:
        CorruptShardError: it cannot be read.
    """
    places = _places(path, _headers(path))
    with _damage_named(path), np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in {places[each].array for each in names}}
    columns = np.empty((len(names), len(next(iter(arrays.values())))), dtype)
    with np.errstate(over="ignore"):  # infinity is refused where values are judged
        for column, name in zip(columns, names, strict=True):
            array = arrays[places[name].array]
            column[:] = array if array.ndim == 1 else array[:, places[name].column]
    return columns


def _headers(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and dtype of each array.

    Raises:
        CorruptShardError: the file is not whole.
        ValueError: an array is not (n,) or (n, k).
    """
    headers = {}
    with _damage_named(path), zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            with archive.open(entry) as file:
                old = np.lib.format.read_magic(file) == (1, 0)
                form = np.lib.format
                read = form.read_array_header_1_0 if old else form.read_array_header_2_0
                shape, _, dtype = read(file)
            headers[entry.removesuffix(".npy")] = shape, dtype
    for name, (shape, _) in headers.items():
        if len(shape) not in (1, 2):
            raise ValueError(f"{path}: array {name!r} must be (n,) or (n, k), got {shape}")
    return headers


def _places(path: Path, headers: dict[str, tuple[tuple[int, ...], np.dtype]]) -> dict[str, _Place]:
    """Where each column stands.

    Raises:
        ValueError: two columns have one name.
    """
    places: dict[str, _Place] = {}
    for array, (shape, dtype) in headers.items():
        width = 1 if len(shape) == 1 else shape[1]
        for column in range(width):
            name = array if width == 1 else f"{array}_{column}"
            if name in places:
                raise ValueError(f"{path}: two columns have one name, {name!r}; names must differ")
            places[name] = _Place(array, column, dtype)
    return places


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    # what zipfile, zlib and NumPy say of damage
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptShardError(f"{path} is not a whole npz archive: {reason}") from None
