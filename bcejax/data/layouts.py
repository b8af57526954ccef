"""What a shard holds, as far as its head or foot tells without reading a row."""

from collections.abc import Mapping
from typing import NamedTuple


class CorruptShardError(ValueError):
    """A shard, or a block of one, that cannot be read: cut off, damaged or empty.

    Example:
        >>> import tempfile
        >>> from bcejax.data import open_shards
        >>> with tempfile.NamedTemporaryFile(suffix=".npz") as empty:
        ...     open_shards(empty.name, label="ill")
        Traceback (most recent call last):
        bcejax.data.layouts.CorruptShardError: ... is not a whole npz archive: ...
    """


class Layout(NamedTuple):
    """Columns and blocks of one file.

    Attributes:
        columns: the name of each column and, in the words of its format, what it holds.
        numeric: names of the columns that hold numbers or truth values.
        blocks: rows of each part that can be read by itself.
    """

    columns: Mapping[str, str]
    numeric: frozenset[str]
    blocks: tuple[int, ...]
