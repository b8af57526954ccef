"""The folder that a command leaves behind."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def folder_for(folder: Path, source: Path, files: Iterable[str]) -> Iterator[None]:
    """Make the folder before any work is done for it; gone again where the work leaves it empty.

    Args:
        folder: to write into.
        source: the file that is read.
        files: names of those that are written.

    Raises:
        ValueError: it cannot be made or written into, or the source is a file that would be
            written over.
    """
    if source.resolve() in {(folder / name).resolve() for name in files}:
        raise ValueError(f"{source} would be written over: take another --out than {folder}")
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"out {folder} cannot be a folder: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"out {folder} cannot be written into")
    try:
        yield
    finally:
        with suppress(OSError):  # of one that is not empty
            for each in made:
                each.rmdir()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line what the system says of a file that cannot be written.

    Args:
        path: to name where the system names no file.

    Raises:
        ValueError: inside, a file cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{error.filename or path} cannot be written: {reason}") from None


def take_away(folder: Path, files: Iterable[str]) -> None:
    """Remove those of the files that an earlier run has left in the folder.

    Raises:
        OSError: one cannot be removed.
    """
    for name in files:
        (folder / name).unlink(missing_ok=True)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file; numbers keep all their digits.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
