"""What is estimated, by which function, and what each should say with infinitely many examples."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration.binning.rules import Strategy
from bcejax.calibration.errors import (
    debiased_squared_error,
    expected_calibration_error,
    kernel_calibration_error,
    smooth_calibration_error,
    sweep_calibration_error,
)
from bcejax.numerics import sigmoid
from experiments.bias_of_ece.settings import Config

Metric: TypeAlias = Callable[..., jax.Array]


class Estimator(NamedTuple):
    """A function of labels and logits, and the one that knows its true value."""

    of_sample: Metric
    of_truth: Metric  # called with the true probabilities for labels, and weights


def plug_in(bins: int, strategy: Strategy) -> Estimator:
    """ECE as most programs compute it; its true value is the error of the bins' means."""
    metric = partial(expected_calibration_error, bins=bins, strategy=strategy)
    return Estimator(metric, metric)


def name_of_plug_in(bins: int, strategy: str) -> str:
    """How tables call it."""
    return f"ECE, {bins} bins of equal {strategy}"


PLUG_IN = name_of_plug_in(15, "width")
LESS = "ECE debiased, 15 bins"
SQUARE = "squared error debiased, 15 bins"
SWEEP = "sweep ECE"
SMOOTH = "smooth ECE"
KERNEL = "squared kernel error, unbiased"


def estimators_of(config: Config) -> dict[str, Estimator]:
    """All of them by name."""
    plain = {name_of_plug_in(bins, "width"): plug_in(bins, "width") for bins in config.bins}
    return plain | {
        name_of_plug_in(15, "mass"): plug_in(15, "mass"),
        LESS: Estimator(partial(expected_calibration_error, debias=True), plain[PLUG_IN].of_truth),
        SQUARE: Estimator(debiased_squared_error, _square_of_bins),
        SWEEP: Estimator(sweep_calibration_error, _of_every_example),
        SMOOTH: Estimator(smooth_calibration_error, smooth_calibration_error),
        KERNEL: Estimator(
            kernel_calibration_error, partial(kernel_calibration_error, estimate="biased")
        ),
    }


def _square_of_bins(labels: jax.Array, *, logits: jax.Array, weights: jax.Array) -> jax.Array:
    return expected_calibration_error(labels, logits=logits, weights=weights, norm=2) ** 2


def _of_every_example(labels: jax.Array, *, logits: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(weights * jnp.abs(labels - sigmoid(logits))) / jnp.sum(weights)


def true_values(slope: float, config: Config) -> dict[str, float]:
    """Of each estimator, by quadrature over the true logit."""
    logits, weights = quadrature(config.spread, config.points)
    truth = sigmoid(logits)
    return {
        name: float(each.of_truth(truth, logits=slope * logits, weights=weights))
        for name, each in estimators_of(config).items()
    }


def quadrature(spread: float, points: int) -> tuple[jax.Array, jax.Array]:
    """True logits (points,) and the share of each."""
    steps = np.linspace(-9, 9, points)
    weights = np.exp(-(steps**2) / 2)
    return jnp.asarray(spread * steps), jnp.asarray(weights / weights.sum())


def theory(bins: int, size: int, config: Config) -> float:
    """Mean plug-in ECE of a calibrated model, by the normal approximation.

    The sum of a bin's residuals has variance n q_b v_b, v_b the mean of p (1 - p) in the bin.
    """
    logits, weights = (np.asarray(each) for each in quadrature(config.spread, config.points))
    probs = 1 / (1 + np.exp(-logits))
    index = np.minimum((probs * bins).astype(int), bins - 1)
    variance = np.bincount(index, weights * probs * (1 - probs), bins)
    return float(np.sum(np.sqrt(2 * variance / (np.pi * size))))
