"""Read a table of numbers from a file: CSV, Parquet or npz, by the file's suffix.

Either the whole file becomes a table, or one line says what is wrong and where; nothing is
dropped, filled in or guessed.
"""

import os
from collections.abc import Callable
from pathlib import Path

from bcejax.data.csv_reader import read_csv
from bcejax.data.npz_reader import read_npz
from bcejax.data.parquet_reader import read_parquet
from bcejax.data.records import Table
from bcejax.data.tabulation import Columns, assemble

READERS: dict[str, Callable[[Path, str, str | None], Columns]] = {
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".parquet": read_parquet,
    ".npz": read_npz,
}


def load_table(path: str | os.PathLike[str], *, label: str, weights: str | None = None) -> Table:
    r"""Features, labels and weights of a file, for binary classification.

    Args:
        path: a file whose suffix says what it holds.

            - ``.csv``, ``.csv.gz``: UTF-8 text; line 1 names the columns, commas part the
              cells; true and false count as 1 and 0.
            - ``.parquet``: columns of numbers or truth values; needs pyarrow.
            - ``.npz``: arrays (n,), each a column, or (n, k), each a block of columns called
              ``name_0``, ``name_1``, ...
        label: name of the column of labels, numbers in [0, 1].
        weights: name of the column that says how much each example counts, numbers >= 0.

    Returns:
        The table; all other columns are features, in the order of the file. Arrays are NumPy's:
        float64, but float32 where a Parquet or npz file holds nothing wider in them.

    Raises:
        FileNotFoundError: there is no such file.
        ModuleNotFoundError: a Parquet file, and pyarrow is not installed.
        TypeError: ``label`` or ``weights`` is no string.
        ValueError: anything else; one line names the file and the line, row or column: unknown
            suffix; broken, empty or without rows; column missing, nameless or named twice;
            ragged line; text, missing value, nan or infinity in a column of numbers; labels
            that are not binary, are percentages or are all of one class; negative weights.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "patients.csv")
        ...     _ = path.write_text("age,bmi,ill\n40,22.5,0\n61,31.0,1\n")
        ...     table = load_table(path, label="ill")
        >>> table.features, table.batch.labels
        (('age', 'bmi'), array([0., 1.]))
    """
    path = Path(path)
    suffix = next((each for each in READERS if path.name.lower().endswith(each)), None)
    if suffix is None:
        raise ValueError(f"{path}: the suffix must be one of {', '.join(READERS)}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if not path.is_file():
        raise ValueError(f"{path} is a folder, not a file")
    columns = READERS[suffix](path, label, weights)
    return assemble(path, columns, label, weights, name=path.name[: -len(suffix)])
