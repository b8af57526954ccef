"""Tables as files: Parquet for programs, CSV for everybody, every digit in both."""

from pathlib import Path
from typing import Any

import numpy as np

from bcejax.numerics import require
from experiments.outcome import Table


def write_table(folder: Path, table: Table) -> None:
    """Write one table as Parquet and CSV, every digit of its numbers in both."""
    arrow = require("pyarrow", extra="cli", purpose="writing a table")
    csv = require("pyarrow.csv", extra="cli", purpose="writing a table")
    parquet = require("pyarrow.parquet", extra="cli", purpose="writing a table")
    columns = arrow.table({name: _plain(column) for name, column in table.columns.items()})
    parquet.write_table(columns, folder / f"{table.name}.parquet")
    csv.write_csv(columns, folder / f"{table.name}.csv")


def read_table(path: Path) -> dict[str, list[Any]]:
    """The columns of a Parquet file, as Python values."""
    parquet = require("pyarrow.parquet", extra="cli", purpose="reading a table")
    columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return columns


def _plain(column: Any) -> Any:
    """A column that Arrow and CSV know: 16-bit floats go up to 32, a list stays a list."""
    if isinstance(column, list | tuple):
        return [each.item() if hasattr(each, "item") else each for each in column]
    array = np.asarray(column)
    return (
        array.astype(np.float32)
        if array.dtype.itemsize == 2 and array.dtype.kind in "fV"
        else array
    )
