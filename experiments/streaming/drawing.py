"""Synthetic sets of any size, drawn and written a row group at a time."""

from pathlib import Path

import numpy as np

from bcejax.numerics import require
from experiments.streaming.settings import Config

LABEL = "label"


def write_set(folder: Path, megabytes: int, config: Config) -> int:
    """Write Parquet files of about so many megabytes together; their bytes.

    Columns are standard normal; the logit of label 1 is their sum with weights that fall off.
    """
    arrow = require("pyarrow", extra="streaming", purpose="writing Parquet")
    parquet = require("pyarrow.parquet", extra="streaming", purpose="writing Parquet")
    rng = np.random.default_rng([config.seed, megabytes])
    names = [f"x{column:02}" for column in range(config.columns)]
    slopes = 2 / np.arange(1, config.columns + 1, dtype=np.float32)
    total = max(2, round(1e6 * megabytes / ((4 * config.columns + 1) * config.group)))
    folder.mkdir()
    for start in range(0, total, config.groups):
        path = folder / f"part-{start // config.groups:04}.parquet"
        schema = arrow.schema([(name, arrow.float32()) for name in names] + [(LABEL, arrow.int8())])
        options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
        with parquet.ParquetWriter(path, schema, **options) as file:
            for _ in range(start, min(start + config.groups, total)):
                x = rng.standard_normal((config.columns, config.group), np.float32)
                chance = 1 / (1 + np.exp(-(slopes @ x)))
                labels = (rng.random(config.group, np.float32) < chance).astype(np.int8)
                file.write_table(arrow.table([*x, labels], schema=schema), config.group)
    return sum(path.stat().st_size for path in folder.iterdir())
