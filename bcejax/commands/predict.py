"""``bcejax predict``: what a model of ``bcejax fit`` says of the rows of a file.

Writes a CSV file with a line for each row, in the order of the file: row (the first is 1), logit
and prob of label 1; lower and upper, the ends of the probability's interval, if the model knows its
standard errors; calibrated_prob, if a calibrator is given. Columns are found by name, wherever they
stand; others may hold anything.

The exit status is 0 where all is written, 2 where the flags or a file are not in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from jax.typing import ArrayLike
from rich.console import Console

from bcejax.calibration.calibrators import Calibrator, load_calibrator
from bcejax.calibration.calibrators.base import probs_of
from bcejax.commands.columns import read_columns
from bcejax.commands.examples import read_features
from bcejax.commands.flags import parse_flags
from bcejax.commands.folders import writing
from bcejax.commands.model_file import Model, load_model
from bcejax.commands.stages import Stages
from bcejax.numerics import require
from bcejax.solvers import SolverStatus
from bcejax.solvers.inference.intervals import normal_quantile
from bcejax.solvers.wording import explain_status


@dataclass(frozen=True)
class Flags:
    """Of predict."""

    model: Path
    """The model.npz that bcejax fit wrote."""
    data: Path
    """A .csv, .csv.gz or .parquet file that has the model's columns."""
    calibrator: Path | None = None
    """A calibrator.npz that bcejax calibrate wrote."""
    confidence: float = 0.95
    """Of the intervals."""
    out: Path = Path("predictions.csv")
    """The file to write."""


def main(args: Sequence[str]) -> int:
    """Read, predict, write; the exit status."""
    flags = _read_flags(args)
    console = Console(stderr=True)
    stages = Stages(console)
    with stages.stage("read", str(flags.data)):
        model, calibrator = _load(flags)
        inputs = read_features(read_columns(flags.data, model.features), model.features)
    with stages.stage("wrote", str(flags.out)):
        _write(flags.out, predictions(model, inputs, calibrator, flags.confidence))
    if model.status != SolverStatus.CONVERGED:
        words = f"the model is {model.status.name.lower()}: {explain_status(model.status)}"
        console.print(words, style="yellow", soft_wrap=True, highlight=False, markup=False)
    return 0


def predictions(
    model: Model, inputs: np.ndarray, calibrator: Calibrator | None = None, confidence: float = 0.95
) -> dict[str, np.ndarray]:
    """The columns that are written, each (n,).

    Args:
        model: of d columns.
        inputs: (n, d), columns in the model's order.
        calibrator: of logits, if there is one.
        confidence: of the intervals, Wald's on the logit.

    Example:
        >>> from bcejax.data import Standardizer
        >>> plain = Standardizer(np.zeros(1), np.ones(1))
        >>> model = Model(("age",), "ill", plain, np.array([0.5]), np.array(-20.0))
        >>> predictions(model, np.array([[40.0]]))["prob"]
        array([0.5])
    """
    logits, errors = model.logits(inputs), model.errors(inputs)
    columns: dict[str, ArrayLike] = {"row": 1 + np.arange(len(logits)), "logit": logits}
    with jax.enable_x64(True):
        columns["prob"] = probs_of(logits)
        if errors is not None:
            reach = normal_quantile(confidence) * errors
            columns |= {"lower": probs_of(logits - reach), "upper": probs_of(logits + reach)}
        if calibrator is not None:
            columns["calibrated_prob"] = calibrator.probs(logits=logits)
    return {name: np.asarray(column) for name, column in columns.items()}


def _read_flags(args: Sequence[str]) -> Flags:
    flags = parse_flags(Flags, args, command="predict", description=__doc__)
    if not 0 < flags.confidence < 1:
        raise ValueError(f"confidence is {flags.confidence}; it must lie between 0 and 1")
    if flags.out.suffix != ".csv":
        raise ValueError(f"out {flags.out} must end in .csv")
    if not flags.out.parent.is_dir():
        raise ValueError(f"out {flags.out}: there is no folder {flags.out.parent}")
    for read in (flags.model, flags.data, flags.calibrator):
        if read is not None and read.resolve() == flags.out.resolve():
            raise ValueError(f"{read} would be written over: take another --out")
    return flags


def _load(flags: Flags) -> tuple[Model, Calibrator | None]:
    """The model and the calibrator, if one is asked for."""
    try:
        model = load_model(flags.model)
        if flags.calibrator is None:
            return model, None
        with jax.enable_x64(True):
            return model, load_calibrator(flags.calibrator)
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be opened: {error.strerror}") from None


def _write(path: Path, columns: dict[str, np.ndarray]) -> None:
    arrow = require("pyarrow", extra="cli", purpose="writing predictions")
    csv = require("pyarrow.csv", extra="cli", purpose="writing predictions")
    with writing(path):
        csv.write_csv(arrow.table(columns), path)
