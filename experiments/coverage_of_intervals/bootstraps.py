"""Do bootstrap intervals of calibration errors hold the true error?"""

from functools import partial

import jax

from bcejax.calibration.inference import bootstrap_interval
from bcejax.numerics import sigmoid
from experiments import Track
from experiments.bias_of_ece.estimators import quadrature
from experiments.bias_of_ece.trials import draw
from experiments.coverage_of_intervals.coverage import Model, Share, models, shares_of
from experiments.coverage_of_intervals.errors import errors_of
from experiments.coverage_of_intervals.settings import Config


def name_of(kind: str, error: str) -> str:
    """How claims call an interval."""
    return f"{kind} interval of the {error}"


def judge_bootstraps(config: Config, track: Track) -> list[Share]:
    """How often intervals of each kind hold each error of each model."""
    known = {
        name: model._replace(truth=true_errors(model.slope, config))
        for name, model in models(config).items()
    }
    shares = []
    for kind in config.kinds:
        trial = partial(_held, kind=kind, config=config)
        found = shares_of("bootstrap", trial, config.trials, config, track, known)
        shares += [share._replace(what=name_of(kind, share.what)) for share in found]
    return shares


def true_errors(slope: float, config: Config) -> dict[str, float]:
    """With the true probabilities for labels; what is debiased estimates the squared error."""
    logits, weights = quadrature(config.spread, points=2001)
    errors = errors_of(config.errors, of_population=True)
    found = errors(sigmoid(logits), logits=slope * logits, weights=weights)
    return {name: float(value) for name, value in found.items()}


def _held(key: jax.Array, model: Model, kind: str, config: Config) -> dict[str, jax.Array]:
    """Whether each interval of a trial holds the truth."""
    for_draw, for_resamples = jax.random.split(key)
    logits, labels = draw(for_draw, config.examples, config.spread)
    interval = bootstrap_interval(
        errors_of(config.errors),
        labels,
        logits=model.slope * logits,
        key=for_resamples,
        n_resamples=config.resamples,
        kind=kind,
        confidence=config.confidence,
        population=errors_of(config.errors, of_population=True),
    )
    return {
        name: (interval.lower[name] <= value) & (value <= interval.upper[name])
        for name, value in model.truth.items()
    }
