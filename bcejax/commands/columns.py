"""Named columns out of a CSV or Parquet file, as numbers or as text, whatever the others hold.

pyarrow reads every cell of a CSV as text first, so that a cell that is no number can be named with
its row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bcejax.data.csv_reader import number_of
from bcejax.data.tabulation import suggestion
from bcejax.numerics import require

SUFFIXES = (".csv", ".csv.gz", ".parquet")
PURPOSE = "reading a table"
HEADER = 4096  # bytes in which to look for the first line


class Sheet:
    """The columns of a file that were asked for."""

    def __init__(self, path: Path, columns: dict[str, Any]) -> None:
        self._path = path
        self._columns = columns

    def numbers(self, name: str, *, advice: str = "") -> np.ndarray:
        """A column (n,) of float64; inf is a number, nan and an empty cell are not.

        Args:
            name: of the column.
            advice: what to say to text.

        Raises:
            ValueError: a cell is no number; the line names its row.
        """
        arrow = require("pyarrow", extra="cli", purpose=PURPOSE)
        compute = require("pyarrow.compute", extra="cli", purpose=PURPOSE)
        column = self._columns[name]
        try:
            if arrow.types.is_string(column.type):
                column = compute.utf8_trim_whitespace(column)
            values: np.ndarray = column.cast(arrow.float64(), safe=False).to_numpy()
        except arrow.ArrowInvalid:
            values = self._one_by_one(name, column.to_pylist(), advice)
        except arrow.ArrowNotImplementedError:
            kind = column.type
            raise ValueError(f"{self._path}, column {name!r} holds {kind}, not numbers") from None
        missing = np.isnan(values)
        if missing.any():
            more = f", and {missing.sum() - 1} more" if missing.sum() > 1 else ""
            raise self.fault(name, f"the value is missing (nan){more}", missing)
        return values

    def text(self, name: str) -> np.ndarray:
        """A column (n,) of text, "" where there is none.

        Raises:
            ValueError: the column holds what is not text: lists, or bytes that are not UTF-8.
        """
        arrow = require("pyarrow", extra="cli", purpose=PURPOSE)
        column = self._columns[name]
        try:
            text = column.cast(arrow.string()).fill_null("")
        except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
            raise self.fault(name, f"{column.type} is not text") from None
        return np.array(text.to_pylist())

    def fault(self, name: str, what: str, where: np.ndarray | None = None) -> ValueError:
        """The error about a column; about its cell where ``where`` is largest, row 1 the first."""
        row = "" if where is None else f", row {where.argmax() + 1}"
        return ValueError(f"{self._path}{row}, column {name!r}: {what}")

    def _one_by_one(self, name: str, cells: list[str | None], advice: str) -> np.ndarray:
        values = np.full(len(cells), np.nan)
        for row, cell in enumerate(cells):
            try:
                values[row] = number_of(cell or "nan")
            except ValueError:
                here = np.arange(len(cells)) == row
                fault = f"{(cell or '')[:40]!r} is not a number{advice}"
                raise self.fault(name, fault, here) from None
        return values


def check_asked(names: Sequence[str]) -> None:
    """Refuse a column that is asked for twice.

    Raises:
        ValueError: one is.
    """
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"column {repeated!r} is asked for twice")


def column_names(path: Path) -> list[str]:
    """The names of all columns of a file, in its order.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: no such file, or one that cannot be read.
    """
    if _is_parquet(path):
        parquet = require("pyarrow.parquet", extra="cli", purpose=PURPOSE)
        with _refusing(path), parquet.ParquetFile(path) as file:
            return _bare(file.schema_arrow.names)
    with _refusing(path):
        return _bare(_open_csv(path).schema.names)


def read_columns(path: Path, names: Sequence[str]) -> Sheet:
    """Read the columns of those names.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: no such file, or one that cannot be read whole; a column that is not there or
            is there twice; no rows.
    """
    read = _read_parquet if _is_parquet(path) else _read_csv
    with _refusing(path):
        table = read(path, names)
    if not len(table):
        raise ValueError(f"{path} holds column names but no rows")
    return Sheet(path, dict(zip(names, table.columns, strict=True)))


def _is_parquet(path: Path) -> bool:
    """Whether it is Parquet, of a file that is there and is one of those that are read."""
    suffix = next((each for each in SUFFIXES if path.name.lower().endswith(each)), None)
    if suffix is None:
        raise ValueError(f"{path}: the suffix must be one of {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise ValueError(f"{path} is a folder" if path.is_dir() else f"there is no file {path}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty")
    return suffix == ".parquet"


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what pyarrow says of a bad file into one line."""
    arrow = require("pyarrow", extra="cli", purpose=PURPOSE)
    try:
        yield
    except UnicodeDecodeError:
        raise _no_text(path) from None
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        plain = "".join(each if each.isprintable() else "?" for each in reason)
        hint = "; are its columns parted by commas?" if "Expected 1 columns" in reason else ""
        raise ValueError(f"{path} cannot be read: {plain}{hint}") from None


def _no_text(path: Path) -> ValueError:
    return ValueError(f"{path} is not UTF-8 text; save it as CSV in UTF-8")


def _open_csv(path: Path) -> Any:
    arrow = require("pyarrow", extra="cli", purpose=PURPOSE)
    csv = require("pyarrow.csv", extra="cli", purpose=PURPOSE)
    with arrow.input_stream(path) as stream:
        if b"\0" in stream.read(HEADER).partition(b"\n")[0]:  # UTF-16 has them, and binary files
            raise _no_text(path)
    return csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True))


def _read_csv(path: Path, names: Sequence[str]) -> Any:
    arrow = require("pyarrow", extra="cli", purpose=PURPOSE)
    csv = require("pyarrow.csv", extra="cli", purpose=PURPOSE)
    parse = csv.ParseOptions(newlines_in_values=True)
    own = _find(path, names, _open_csv(path).schema.names)
    as_text = dict.fromkeys(own, arrow.string())
    convert = csv.ConvertOptions(include_columns=own, column_types=as_text)
    return csv.read_csv(path, parse_options=parse, convert_options=convert)


def _read_parquet(path: Path, names: Sequence[str]) -> Any:
    parquet = require("pyarrow.parquet", extra="cli", purpose=PURPOSE)
    with parquet.ParquetFile(path) as file:
        own = _find(path, names, file.schema_arrow.names)
        return file.read(columns=own).select(own)


def _find(path: Path, names: Sequence[str], there: Sequence[str]) -> list[str]:
    """The names as the file writes them."""
    bare = _bare(there)
    for name in names:
        if name not in bare:
            raise ValueError(f"{path} has no column {name!r}{suggestion(name, bare)}")
        if bare.count(name) > 1:
            raise ValueError(f"{path}: {bare.count(name)} columns are named {name!r}")
    return [there[bare.index(name)] for name in names]


def _bare(names: Sequence[str]) -> list[str]:
    """The names without the blanks around them."""
    return [name.strip() for name in names]
