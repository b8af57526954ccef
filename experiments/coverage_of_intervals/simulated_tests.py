"""Does the test by simulation reject a calibrated model as often as it says, and others often?"""

from functools import partial

import jax

from bcejax.calibration.inference import calibration_test
from experiments import Track
from experiments.bias_of_ece.trials import draw
from experiments.coverage_of_intervals.coverage import Model, Share, shares_of
from experiments.coverage_of_intervals.errors import errors_of
from experiments.coverage_of_intervals.settings import Config


def judge_tests(config: Config, track: Track) -> list[Share]:
    """How often each model is rejected by each metric."""
    trial = partial(_rejected, config=config)
    found = shares_of("test", trial, config.tests, config, track)
    return [share._replace(what=f"rejection by the {share.what}") for share in found]


def _rejected(key: jax.Array, model: Model, config: Config) -> dict[str, jax.Array]:
    for_draw, for_test = jax.random.split(key)
    logits, labels = draw(for_draw, config.examples, config.spread)
    test = calibration_test(
        errors_of(config.errors),
        labels,
        logits=model.slope * logits,
        key=for_test,
        n_simulations=config.simulations,
    )
    # P(p <= k / (n + 1)) = k / (n + 1) where nothing ties; k is whole at 99 simulations and 5 %
    return {name: p <= 1 - config.confidence + 1e-6 for name, p in test.p_value.items()}
