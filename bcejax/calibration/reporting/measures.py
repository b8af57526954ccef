"""The metrics of a report, each under its name, as functions that a bootstrap can be asked for.

Each takes what every metric of this package takes and gives a dict of numbers; so all numbers share
the resamples and the simulations. They stand at the top of a module because what is compiled for
them is kept by function.
"""

from typing import Any

import jax
import jax.numpy as jnp

from bcejax.calibration.binning.rules import Bins
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors.binned import expected_calibration_error
from bcejax.calibration.errors.cumulative import cumulative_calibration_error
from bcejax.calibration.errors.debiased import debiased_squared_error
from bcejax.calibration.errors.kernel import kernel_calibration_error
from bcejax.calibration.errors.smooth import smooth_calibration_error
from bcejax.calibration.examples import Examples, as_examples
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


def measure_scores(labels: jax.Array, **given: Any) -> dict[str, jax.Array]:
    """Scores of predictions, base rate and mean probability."""
    return {
        "log_score": log_score(labels, **given),
        "brier_score": brier_score(labels, **given),
        "roc_auc": roc_auc(labels, **given),
        "accuracy": accuracy(labels, **given),
        **measure_rates(as_examples(labels, **given)),
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


def measure_errors(
    labels: jax.Array, bins: Bins = MASS_BINS["bins"], **given: Any
) -> dict[str, jax.Array]:
    """Errors of calibration; the larger the worse."""
    mass_bins = MASS_BINS | {"bins": bins}
    cumulative = cumulative_calibration_error(labels, **given)
    return {
        "expected_calibration_error": expected_calibration_error(labels, **given, **mass_bins),
        "debiased_squared_error": debiased_squared_error(labels, **given, **mass_bins),
        "smooth_calibration_error": smooth_calibration_error(labels, **given),
        "kernel_calibration_error": kernel_calibration_error(labels, **given),
        "kuiper": cumulative.kuiper,
        "kolmogorov_smirnov": cumulative.kolmogorov_smirnov,
    }


def measure_parts(labels: jax.Array, **given: Any) -> dict[str, jax.Array]:
    """What the log score is made of, by isotonic regression."""
    corp = corp_decomposition(labels, **given)
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
