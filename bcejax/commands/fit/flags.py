"""What ``bcejax fit`` can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcejax.commands.flags import check_seed, parse_flags


@dataclass(frozen=True)
class Flags:
    """Of fit."""

    data: Path
    """A .csv, .csv.gz or .parquet file with a row for each example."""
    label: str = "label"
    """Its column of labels: 0 or 1, true or false."""
    weight: str | None = None
    """Its column of weights: how much each row counts."""
    features: str | None = None
    """Columns to learn from, such as age,bmi; all others by default."""
    drop: str | None = None
    """Columns to leave out, such as id,name; they may hold anything."""
    l2: float | None = None
    """Penalty l2/2 |b|^2 next to the mean loss; and/or"""
    l1: float | None = None
    """penalty l1 |b|_1, which drops columns; or"""
    cv: int | None = None
    """folds by which to choose l2, for the least log loss."""
    standardize: bool = True
    """Before a penalty, bring the columns to mean 0 and standard deviation 1."""
    firth: bool = False
    """Firth's bias-reduced estimate, which exists even where the labels can be told apart."""
    test: float = 0.25
    """Share of the rows to hold out, of both classes; 0 holds out none."""
    confidence: float = 0.95
    """Of the intervals of coefficients."""
    resamples: int | None = None
    """Draws to judge the rows held out by; 1000, but fewer where there are very many."""
    seed: int = 0
    """Of all draws."""
    out: Path = Path("fit")
    """The folder to write into; it is made where there is none."""

    @property
    def penalised(self) -> bool:
        """Whether the scale of the columns matters."""
        return bool(self.l2 or self.l1 or self.cv)


def read_flags(args: Sequence[str], description: str) -> Flags:
    """The flags in words of a command line.

    Raises:
        ValueError: one is out of its range, or two contradict each other.
        SystemExit: they cannot be understood, or help was asked for.
    """
    flags = parse_flags(Flags, args, command="fit", description=description)
    for name in ("l2", "l1"):
        penalty = getattr(flags, name)
        if penalty is not None and not 0 <= penalty < np.inf:
            raise ValueError(f"{name} is {penalty}; it must be a finite number >= 0")
    ways = {
        "--l2 or --l1": bool(flags.l2 or flags.l1),
        "--cv": flags.cv is not None,
        "--firth": flags.firth,
    }
    chosen = [way for way, taken in ways.items() if taken]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(chosen)} came; take one of them")
    if flags.cv is not None and flags.cv < 2:
        raise ValueError(f"cv is {flags.cv}; it must be 2 or more folds")
    if not 0 <= flags.test < 1:
        raise ValueError(f"test is {flags.test}; it must lie in [0, 1)")
    if not 0 < flags.confidence < 1:
        raise ValueError(f"confidence is {flags.confidence}; it must lie between 0 and 1")
    if flags.resamples is not None and flags.resamples < 0:
        raise ValueError(f"resamples is {flags.resamples}; it must be 0 or more")
    check_seed(flags.seed)
    return flags


def listed(names: str | None) -> list[str]:
    """Names that commas part.

    Example:
        >>> listed("age, bmi"), listed(None)
        (['age', 'bmi'], [])
    """
    return [] if names is None else [name.strip() for name in names.split(",")]
