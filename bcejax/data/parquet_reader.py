"""Parquet files, through pyarrow: every column holds numbers or truth values.

float16, float32, truth values and integers up to 16 bits become float32, all else (decimals
included) float64. A null is a missing value.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from bcejax.data.tabulation import Columns, check_names
from bcejax.numerics import require


def read_parquet(path: Path, label: str, weights: str | None) -> Columns:
    """The columns of a Parquet file; a null is nan.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: the file is not whole; its columns are named wrongly; one holds no numbers.
    """
    arrow = require("pyarrow", extra="cli", purpose="reading Parquet")
    parquet = require("pyarrow.parquet", extra="cli", purpose="reading Parquet")
    try:
        with parquet.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            check_names(path, names, label, weights)
            columns = file.read().columns
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a whole Parquet file: {reason}") from None
    types = [_float_type(arrow, column.type) for column in columns]
    for name, column, kind in zip(names, columns, types, strict=True):
        if kind is None:
            raise ValueError(f"{path}, column {name!r} holds {column.type}, not numbers")
    values = [c.cast(t, safe=False).to_numpy() for c, t in zip(columns, types, strict=True)]
    return Columns(names, values, "row {} (the first is 0)".format)


def _float_type(arrow: ModuleType, given: Any) -> Any:
    """float32 where that holds every number of the given type, else float64; None for text."""
    kinds = arrow.types
    if kinds.is_boolean(given) or kinds.is_float16(given) or kinds.is_float32(given):
        return arrow.float32()
    if kinds.is_integer(given):
        return arrow.float32() if given.bit_width <= 16 else arrow.float64()
    if kinds.is_float64(given) or kinds.is_decimal(given) or kinds.is_null(given):
        return arrow.float64()
    return None
