"""CSV files, gzipped or not: a fast road when all is well, a slow one that finds the fault.

The first line, the header, names the columns; commas part the cells, double quotes may enclose
them, and true and false (in any case) count as 1 and 0. Text is UTF-8, with or without a mark at
its start. Empty lines are skipped.

``numpy.loadtxt`` parses in C. When it meets anything but bare numbers, quotes included, the file
is read again cell by cell: that road either names the line and the column at fault, or
understands what the fast one did not.
"""

import contextlib
import csv
import gzip
import itertools
import os
import sys
import time
import zlib
from array import array
from collections.abc import Callable, Generator, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from bcejax.data.tabulation import Columns, check_names

TRUTH = {"true": 1.0, "false": 0.0}
PATIENCE = 2.0  # seconds of silence that a reader may be asked for


def read_csv(path: Path, label: str, weights: str | None) -> Columns:
    """The columns of a CSV file, as float64; an empty cell is nan.

    Raises:
        ValueError: the file is empty or not UTF-8 text or not whole; its first line does not
            name the columns, or names them wrongly; a line has more or fewer cells than it;
            a cell is not a number.
    """
    with contextlib.closing(_lines(path)) as lines:
        names = _header(path, lines)
        check_names(path, names, label, weights)
        values = _parse_fast(lines, len(names))
    if values is None:
        values = _parse_slow(path, names, label)
    return Columns(names, list(values.T), lambda row: f"line {_line_of(path, row)}")


def _parse_fast(lines: Iterator[str], width: int) -> np.ndarray | None:
    """All values (n, width), or None where the slow road has to look."""
    first = next((line for line in lines if line.strip("\n")), None)
    if first is None:
        return np.empty((0, width))
    truths: dict[int | str, Callable[[str], float]] = {
        column: number_of
        for column, cell in enumerate(first.split(","))
        if cell.strip().lower() in TRUTH
    }
    try:
        values = np.loadtxt(
            itertools.chain([first], lines),
            delimiter=",",
            comments=None,
            converters=truths or None,
            ndmin=2,
        )
    except ValueError:
        return None
    return values if values.shape[1] == width else None


def _parse_slow(path: Path, names: tuple[str, ...], label: str) -> np.ndarray:
    values = array("d")
    for line, cells in _records(path):
        if len(cells) != len(names):
            count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
            raise ValueError(
                f"{path}, line {line}: {count}, but the header names {len(names)} columns"
            )
        for name, cell in zip(names, cells, strict=True):
            try:
                values.append(number_of(cell))
            except ValueError:
                advice = "; give one class label 1, the other 0" if name == label else ""
                raise ValueError(
                    f"{path}, line {line}, column {name!r}: {cell[:40]!r} is not a number{advice}"
                ) from None
    return np.frombuffer(values).reshape(-1, len(names))


def number_of(cell: str) -> float:
    """The value of a cell, by the rules of the fast road: 1_000 and other scripts' digits fail.

    Raises:
        ValueError: it is no number.

    Example:
        >>> number_of(" True "), number_of("2.5"), number_of("")
        (1.0, 2.5, nan)
    """
    text = cell.strip()
    if not text:
        return np.nan
    if text.lower() in TRUTH:
        return TRUTH[text.lower()]
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def _header(path: Path, lines: Iterator[str]) -> tuple[str, ...]:
    _, cells = next(_rows(path, lines), (0, None))
    if cells is None:
        raise ValueError(f"{path} is empty")
    names = tuple(cell.strip() for cell in cells)
    if all(_is_number(name) for name in names):
        raise ValueError(f"{path}: the header must name the columns, but holds numbers")
    for mark in ";\t|":
        if len(names) == 1 and mark in names[0]:
            raise ValueError(f"{path}: commas must part the cells, but the header has {mark!r}")
    return names


def _is_number(text: str) -> bool:
    try:
        return not np.isnan(number_of(text))
    except ValueError:
        return False


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every row of cells below the header, with the number of its line."""
    with contextlib.closing(_lines(path)) as lines:
        yield from itertools.islice(_rows(path, lines), 1, None)


def _line_of(path: Path, row: int) -> int:
    return next(itertools.islice(_records(path), row, None))[0]


def _rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells with the number of the line on which each ends; empty lines are left out."""
    reader = csv.reader(lines, strict=True, skipinitialspace=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from None


def _lines(path: Path) -> Generator[str]:
    """The lines of a text file, with a word on progress when they take long to be used."""
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        zipped = path.suffix.lower() == ".gz"
        stream = stack.enter_context(gzip.GzipFile(fileobj=raw)) if zipped else raw
        text = stack.enter_context(TextIOWrapper(cast(BinaryIO, stream), encoding="utf-8-sig"))
        try:
            yield from _watched(text, raw, path)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x}: "
                f"{error.reason}); save it as UTF-8"
            ) from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file: {error}") from None


def _watched(text: TextIOWrapper, raw: BinaryIO, path: Path) -> Iterator[str]:
    size = max(1, os.fstat(raw.fileno()).st_size)
    start = said = time.monotonic()
    for line in text:
        yield line
        if time.monotonic() - said > PATIENCE:
            said = time.monotonic()
            print(f"reading {path}: {raw.tell() / size:.0%}", file=sys.stderr)
    if said > start:
        print(f"read {path} in {time.monotonic() - start:.0f} s", file=sys.stderr)
