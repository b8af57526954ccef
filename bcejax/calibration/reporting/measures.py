"""The metrics of a report, each under its name: of examples that were checked before."""

from typing import Any

import jax
import jax.numpy as jnp

from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors.binned import expected_calibration_error
from bcejax.calibration.errors.cumulative import cumulative_calibration_error
from bcejax.calibration.errors.debiased import debiased_squared_error
from bcejax.calibration.errors.kernel import kernel_calibration_error
from bcejax.calibration.errors.smooth import smooth_calibration_error
from bcejax.calibration.examples import Examples
from bcejax.calibration.scores import accuracy, brier_score, log_score, roc_auc

MASS_BINS: dict[str, Any] = {"bins": "cube_root", "strategy": "mass"}
# in the order of a report; jax sorts the names of a dict
NAMES = {
    "scores": (
        *("log_score", "brier_score", "roc_auc", "accuracy"),
        *("base_rate", "mean_prob", "observed_over_expected"),
    ),
    "errors": (
        *("expected_calibration_error", "debiased_squared_error", "smooth_calibration_error"),
        *("kernel_calibration_error", "kuiper", "kolmogorov_smirnov"),
    ),
    "parts": ("log_miscalibration", "log_discrimination", "log_uncertainty"),
}
FREE = ("log_discrimination", "log_uncertainty")  # parts that say nothing against calibration
SHARES = ("roc_auc", "accuracy", "base_rate", "mean_prob")
SIGNED = ("debiased_squared_error", "kernel_calibration_error")


def measure_scores(examples: Examples) -> dict[str, jax.Array]:
    """Scores of predictions, base rate and mean probability."""
    return {
        "log_score": examples.taken_by(log_score),
        "brier_score": examples.taken_by(brier_score),
        "roc_auc": examples.taken_by(roc_auc),
        "accuracy": examples.taken_by(accuracy),
        **measure_rates(examples),
    }


def measure_rates(examples: Examples) -> dict[str, jax.Array]:
    """Base rate, mean probability, and the one over the other."""
    shares = examples.weights / jnp.sum(examples.weights)
    base_rate = jnp.sum(shares * examples.labels)
    mean_prob = jnp.sum(shares * examples.probabilities())
    return {
        "base_rate": base_rate,
        "mean_prob": mean_prob,
        "observed_over_expected": base_rate / mean_prob,
    }


def measure_errors(examples: Examples, bins: int) -> dict[str, jax.Array]:
    """Errors of calibration; the larger the worse."""
    mass_bins = MASS_BINS | {"bins": bins}
    cumulative = examples.taken_by(cumulative_calibration_error)
    return {
        "expected_calibration_error": examples.taken_by(expected_calibration_error, **mass_bins),
        "debiased_squared_error": examples.taken_by(debiased_squared_error, **mass_bins),
        "smooth_calibration_error": examples.taken_by(smooth_calibration_error),
        "kernel_calibration_error": examples.taken_by(kernel_calibration_error),
        "kuiper": cumulative.kuiper,
        "kolmogorov_smirnov": cumulative.kolmogorov_smirnov,
    }


def measure_parts(examples: Examples) -> dict[str, jax.Array]:
    """What the log score is made of, by isotonic regression."""
    corp = examples.taken_by(corp_decomposition)
    return {
        "log_miscalibration": corp.miscalibration,
        "log_discrimination": corp.discrimination,
        "log_uncertainty": corp.uncertainty,
    }


def range_of(name: str) -> tuple[float | None, float | None]:
    """Least and largest value that a metric can take; None for no such.

    Example:
        >>> range_of("roc_auc"), range_of("debiased_squared_error"), range_of("kuiper")
        ((0, 1), (None, None), (0, None))
    """
    if name in SHARES:
        return 0, 1
    return (None if name in SIGNED else 0), None
