"""Do the Wald intervals of slope and intercept hold the true ones?"""

from functools import partial

import jax

from bcejax.calibration.regression import calibration_regression
from experiments import Track
from experiments.bias_of_ece.trials import draw
from experiments.coverage_of_intervals.coverage import Model, Share, shares_of
from experiments.coverage_of_intervals.settings import Config

LARGE = "calibration in the large"


def judge_regressions(config: Config, track: Track) -> list[Share]:
    """Slope 1 / a and intercept 0 of a model whose logits are a times too large."""
    found = shares_of(
        "regression", partial(_held, config=config), config.regressions, config, track
    )
    return [share._replace(what=f"Wald interval of the {share.what}") for share in found]


def _held(key: jax.Array, model: Model, config: Config) -> dict[str, jax.Array]:
    logits, labels = draw(key, config.examples, config.spread)
    found = calibration_regression(
        labels, logits=model.slope * logits, confidence=config.confidence
    )
    return {
        "slope": (found.slope.lower <= 1 / model.slope) & (1 / model.slope <= found.slope.upper),
        "intercept": (found.intercept.lower <= 0) & (found.intercept.upper >= 0),
        LARGE: (found.in_the_large.lower <= 0) & (found.in_the_large.upper >= 0),
    }
