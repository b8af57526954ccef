"""Do the bands hold the curve: everywhere at once, and at each point?"""

from functools import partial

import jax
import jax.numpy as jnp

from bcejax.calibration.inference import confidence_band, consistency_band
from bcejax.numerics import log_odds, sigmoid
from experiments import Track
from experiments.bias_of_ece.trials import draw
from experiments.coverage_of_intervals.coverage import Model, Share, models, shares_of
from experiments.coverage_of_intervals.settings import Config

EVERYWHERE = "confidence band, everywhere at once"
SOMEWHERE = "consistency band, at one example"
TOGETHER = "consistency band, everywhere at once"


def judge_bands(config: Config, track: Track) -> list[Share]:
    """The confidence band of both models, the consistency band of the calibrated one."""
    calibrated = dict(list(models(config).items())[:1])
    honest, consistent = (
        partial(each, config=config) for each in (_confidence_band_holds, _consistency_band_holds)
    )
    return [
        *shares_of("band", honest, config.trials, config, track),
        *shares_of("band", consistent, config.trials, config, track, calibrated),
    ]


def _confidence_band_holds(key: jax.Array, model: Model, config: Config) -> dict[str, jax.Array]:
    """The true curve at a probability of logit l is sigma(l / slope)."""
    logits, labels = draw(key, config.examples, config.spread)
    band = confidence_band(
        labels, logits=model.slope * logits, confidence=config.confidence, cells=config.cells
    )
    curve = sigmoid(log_odds(band.probs) / model.slope)
    return {EVERYWHERE: jnp.all((band.lower <= curve) & (curve <= band.upper))}


def _consistency_band_holds(key: jax.Array, model: Model, config: Config) -> dict[str, jax.Array]:
    """The isotonic curve of the labels at the median score, and everywhere."""
    for_draw, for_band = jax.random.split(key)
    logits, labels = draw(for_draw, config.examples, config.spread)
    band = consistency_band(
        labels,
        logits=model.slope * logits,
        key=for_band,
        n_simulations=config.simulations,
        confidence=config.confidence,
        points=51,
    )
    inside = (band.lower <= band.estimate) & (band.estimate <= band.upper)
    return {SOMEWHERE: inside[25], TOGETHER: jnp.all(inside)}
