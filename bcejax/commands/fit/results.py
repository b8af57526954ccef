"""What a run of ``bcejax fit`` finds, before any of it is written."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bcejax.calibration.binning import ReliabilityCurve
from bcejax.calibration.reporting.findings import CalibrationReport
from bcejax.commands.model_file import Model
from bcejax.solvers import Solution, SolverStatus
from bcejax.solvers.inference.summaries import Summary


class Search(NamedTuple):
    """Penalties that were tried, and what each made of rows it had not seen; (k,) each."""

    l2: np.ndarray
    loss: np.ndarray  # mean over the folds, in nats
    error: np.ndarray  # standard error of that mean


class HeldOut(NamedTuple):
    """What the model says of the n rows that it has not seen."""

    rows: np.ndarray  # (n,) their numbers in the file, the first is 1
    labels: np.ndarray  # (n,)
    weights: np.ndarray | None  # (n,)
    logits: np.ndarray  # (n,)
    probs: np.ndarray  # (n,)
    report: CalibrationReport
    binned: ReliabilityCurve
    fine: ReliabilityCurve  # in many bins, for the histogram


class Results(NamedTuple):
    """All that is written."""

    model: Model
    solution: Solution
    summary: Summary
    deviations: np.ndarray  # (d,) standard deviation of each column as it was fitted
    examples: int  # that were learned from
    search: Search | None
    held: HeldOut | None
    asked: Mapping[str, Any]

    @property
    def table(self) -> dict[str, np.ndarray]:
        """The coefficients, column by column; the last row is the intercept's."""
        told = self.summary
        odds, odds_lower, odds_upper = told.odds_ratios
        return {
            "name": np.array(told.names),
            "coefficient": told.coefficients,
            "error": told.errors,
            "z": told.z_values,
            "p_value": told.p_values,
            "lower": told.lower,
            "upper": told.upper,
            "odds_ratio": odds,
            "odds_lower": odds_lower,
            "odds_upper": odds_upper,
        }

    @property
    def converged(self) -> bool:
        """Whether the fit is to be used as it stands."""
        return self.model.status == SolverStatus.CONVERGED

    @property
    def standardised(self) -> bool:
        """Whether the columns were brought to one scale."""
        mean, scale = self.model.standardizer.mean, self.model.standardizer.scale
        return bool(np.any(mean != 0) or np.any(scale != 1))
