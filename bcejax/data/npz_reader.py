"""NumPy archives, as ``numpy.savez`` writes them.

Each array is one column (n,) or a block (n, k) of columns, which are then called ``name_0`` to
``name_(k-1)`` (``name`` alone for k = 1). So both of these can be read:

    np.savez("patients.npz", inputs=X, labels=y)        load_table(..., label="labels")
    np.savez("patients.npz", age=age, bmi=bmi, ill=y)   load_table(..., label="ill")

float16, float32, truth values and integers up to 16 bits become float32, all else float64.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from bcejax.data.tabulation import Columns, check_names


def read_npz(path: Path, label: str, weights: str | None) -> Columns:
    """The columns of a NumPy archive.

    Raises:
        ValueError: the file is not a whole archive; an array holds no numbers or has another
            shape than (n,) or (n, k) with one n for all; the columns are named wrongly.
    """
    arrays = _arrays(path)
    for name in (label, weights):
        if name in arrays and arrays[name].size != len(arrays[name]):
            raise ValueError(f"{path}: array {name!r} must be (n,), got {arrays[name].shape}")
    columns = [pair for name, array in arrays.items() for pair in _named_columns(name, array)]
    names = tuple(name for name, _ in columns)
    check_names(path, names, label, weights)
    return Columns(names, [values for _, values in columns], "row {} (the first is 0)".format)


def _named_columns(name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    block = array if array.ndim == 2 else array[:, None]
    narrow = np.result_type(array.dtype, np.float32) == np.float32
    columns = block.astype(np.float32 if narrow else np.float64).T
    if len(columns) == 1:
        return [(name, columns[0])]
    return [(f"{name}_{number}", column) for number, column in enumerate(columns)]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of the archive, checked to be numbers, one row per example."""
    try:
        with zipfile.ZipFile(path):  # np.load would take a lone array or a pickle as well
            archive = np.load(path, allow_pickle=False)
        with archive:
            arrays = {name: _read(path, archive, name) for name in archive.files}
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:  # zipfile's own
        raise ValueError(f"{path} is not a whole npz archive: {error}") from None
    first = next(iter(arrays), None)
    for name, array in arrays.items():
        if len(array) != len(arrays[first]):
            raise ValueError(
                f"{path}: array {name!r} has {len(array)} rows, {first!r} {len(arrays[first])}"
            )
    return arrays


def _read(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    try:
        array = archive[name]
    except ValueError as error:  # numpy's word for an array of Python objects, or a torn header
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: array {name!r} cannot be read: {reason}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        kind = array.dtype if isinstance(array, np.ndarray) else "no array"
        raise ValueError(f"{path}: array {name!r} holds {kind}, not numbers")
    if array.ndim not in (1, 2):
        raise ValueError(f"{path}: array {name!r} must be (n,) or (n, k), got {array.shape}")
    return array
