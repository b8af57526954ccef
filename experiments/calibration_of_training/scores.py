"""Reliability and ECE of logits, and how sure a difference of scores is."""

from typing import Any

import jax
import numpy as np

from bcejax.analysis.logistic_regression import sigmoid
from bcejax.calibration import ReliabilityCurve, expected_calibration_error, reliability_curve
from bcejax.losses import bce_with_logits
from experiments.averages import Mean, mean_of
from experiments.calibration_of_training.settings import Config


def ece(labels: Any, logits: np.ndarray, config: Config, **more: Any) -> jax.Array:
    """The expected calibration error of logits."""
    return expected_calibration_error(labels, logits=logits, bins=config.bins, **more)


def curve_of(labels: np.ndarray, logits: np.ndarray, config: Config) -> ReliabilityCurve:
    """Reliability in NumPy arrays."""
    return jax.tree.map(np.asarray, reliability_curve(labels, logits=logits, bins=config.bins))


def more_loss(labels: np.ndarray, worse: np.ndarray, better: np.ndarray) -> Mean:
    """Of the mean cross-entropy; the losses are paired."""
    each = np.asarray(bce_with_logits(worse, labels) - bce_with_logits(better, labels))
    return mean_of(each)


def more_ece(labels: np.ndarray, worse: np.ndarray, better: np.ndarray, config: Config) -> Mean:
    """Of the ECE, by a paired bootstrap."""
    n = len(labels)
    rng = np.random.default_rng(config.seed)
    copies = rng.multinomial(n, np.full(n, 1 / n), size=10 * config.repeats).astype(np.float64)

    def difference(weights: Any) -> jax.Array:
        both = (ece(labels, each, config, weights=weights) for each in (worse, better))
        return next(both) - next(both)

    spread = np.asarray(jax.vmap(difference)(copies)).std(ddof=1)
    return Mean(float(difference(np.ones(n))), float(spread))


def more_than_true(labels: np.ndarray, logits: np.ndarray, config: Config) -> Mean:
    """Of the ECE, than if the labels had been drawn with these very probabilities."""
    rng = np.random.default_rng(config.seed)
    drawn = rng.random((10 * config.repeats, len(logits))) < sigmoid(logits)
    were = np.asarray(jax.vmap(lambda each: ece(each, logits, config))(drawn))
    return Mean(float(ece(labels, logits, config) - were.mean()), float(were.std(ddof=1)))
