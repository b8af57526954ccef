"""Parquet shards, a row group at a time, through pyarrow.

A row group is what Parquet lets one read by itself, so it is a block here. Its pages are held
against their checksums where the writer left some (pyarrow: ``write_page_checksum=True``). Without
them damage is found only where it breaks the encoding or leaves what is no example.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bcejax.data.layouts import CorruptShardError, Layout
from bcejax.numerics import require


def look_into_parquet(path: Path) -> Layout:
    """Columns and row groups, from the file's footer.

    Raises:
        CorruptShardError: the file is not whole.
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: two columns have one name.
    """
    kinds = _pyarrow().types
    with _opened(path) as file:
        fields = list(file.schema_arrow)
        groups = range(file.num_row_groups)
        blocks = tuple(file.metadata.row_group(group).num_rows for group in groups)
    columns = {field.name: str(field.type) for field in fields}
    if len(columns) < len(fields):
        raise ValueError(f"{path}: two columns have one name; names must differ")
    tests = kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal
    numeric = {field.name for field in fields if any(test(field.type) for test in tests)}
    return Layout(columns, frozenset(numeric), blocks)


def read_row_group(path: Path, block: int, names: Sequence[str], dtype: np.dtype) -> np.ndarray:
    """Some columns of a row group, (columns, n); nan for a null.

    Raises:
        CorruptShardError: it cannot be read.
    """
    kind = _pyarrow().from_numpy_dtype(dtype)
    with _opened(path) as file:
        table = file.read_row_group(block, columns=list(names))
        columns = np.empty((len(names), table.num_rows), dtype)
        for column, name in zip(columns, names, strict=True):
            column[:] = table[name].cast(kind, safe=False).to_numpy()
    return columns


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    parquet = require("pyarrow.parquet", extra="streaming", purpose="reading Parquet")
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (_pyarrow().ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptShardError(f"{path} is not a whole Parquet file: {reason}") from None


def _pyarrow() -> Any:
    return require("pyarrow", extra="streaming", purpose="reading Parquet")
