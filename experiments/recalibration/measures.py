"""What is measured of recalibrated logits, with intervals."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.calibration import expected_calibration_error
from bcejax.calibration.corp import corp_decomposition
from bcejax.calibration.errors.debiased import debiased_squared_error
from bcejax.calibration.errors.smooth import smooth_calibration_error
from bcejax.calibration.inference.bootstrap import bootstrap_interval
from bcejax.calibration.scores import brier_score, log_score, roc_auc
from bcejax.losses import bce_with_logits
from experiments.averages import Mean, mean_of
from experiments.recalibration.networks import Unseen
from experiments.recalibration.settings import Config


class Estimate(NamedTuple):
    """A value and its 95 % interval; nan where a resample's is infinite."""

    value: float
    lower: float
    upper: float


class Measured(NamedTuple):
    """Recalibrated logits in numbers."""

    log_loss: Estimate
    brier: Estimate
    smooth_error: Estimate
    root_square: Estimate  # root mean squared calibration error, without its bias
    auc: float
    discrimination: float  # of the Brier score, by isotonic regression
    miscalibration: float  # likewise, above that of a calibrated model
    p_value: float  # how often a calibrated model shows as much
    gain: Mean  # of log loss, over no recalibration


def resampled(labels: Any, **scores: Any) -> dict[str, jax.Array]:
    """What shares the resamples."""
    return {
        "log loss": log_score(labels, **scores),
        "Brier": brier_score(labels, **scores),
        "smooth": smooth_calibration_error(labels, cells=1024, **scores),
        "square": expected_calibration_error(labels, norm=2, **scores) ** 2,
    }


def measure(unseen: Unseen, logits: np.ndarray, config: Config) -> Measured:
    """Everything of one candidate's logits for unseen examples."""
    labels, key = unseen.labels, jax.random.key(config.seed)
    interval = bootstrap_interval(
        resampled, labels, logits=logits, key=key, n_resamples=config.resamples
    )
    found = {
        name: Estimate(*(float(each[name]) for each in interval[:3])) for name in interval.estimate
    }
    corp = corp_decomposition(
        labels, logits=logits, score="brier", key=key, n_simulations=config.simulations
    )
    square = found["square"]._replace(value=float(debiased_squared_error(labels, logits=logits)))
    before, after = (bce_with_logits(jnp.asarray(x), labels) for x in (unseen.logits, logits))
    return Measured(
        log_loss=found["log loss"],
        brier=found["Brier"],
        smooth_error=found["smooth"],
        root_square=Estimate(*(max(each, 0.0) ** 0.5 for each in square)),
        auc=float(roc_auc(labels, logits=logits)),
        discrimination=float(corp.discrimination),
        miscalibration=float(corp.corrected_miscalibration),
        p_value=float(corp.p_value),
        gain=mean_of(np.asarray(before - after)),
    )
