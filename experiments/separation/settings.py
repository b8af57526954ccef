"""Which data sets, and how they are drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NORMAL = "normal columns, labels by a fair coin"
BINARY = "binary columns, labels that follow them"


@dataclass(frozen=True)
class Config:
    """Sizes and seed."""

    columns: int = 4
    """Columns beside the intercept."""
    rows: tuple[int, ...] = (6, 8, 10, 12, 16, 24)
    """Rows of the data sets of normal columns."""
    binary_rows: tuple[int, ...] = (12, 24, 48, 96)
    """Rows of the data sets of binary columns."""
    trials: int = 250
    """Data sets of each size."""
    seed: int = 0
    """Seed of the draws."""


class Kind(NamedTuple):
    """Data sets that are counted together."""

    name: str
    rows: int


def kinds_of(config: Config) -> list[Kind]:
    """All kinds, in their order."""
    normal = [Kind(NORMAL, rows) for rows in config.rows]
    return normal + [Kind(BINARY, rows) for rows in config.binary_rows]


def draw(kind: Kind, config: Config) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels of every trial."""
    rng = np.random.default_rng([config.seed, kind.rows, kind.name == BINARY])
    for _ in range(config.trials):
        if kind.name == NORMAL:
            inputs = rng.standard_normal((kind.rows, config.columns))
            yield inputs, rng.integers(0, 2, kind.rows).astype(float)
        else:
            inputs = rng.integers(0, 2, (kind.rows, config.columns)).astype(float)
            logits = 3.0 * inputs[:, 0] + 1.5 * inputs[:, 1:].sum(axis=1) - 2.0
            yield inputs, (rng.random(kind.rows) < 1 / (1 + np.exp(-logits))).astype(float)
