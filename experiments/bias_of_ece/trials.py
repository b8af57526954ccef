"""Every estimator on many draws of each model and size."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from bcejax.numerics import sigmoid
from experiments import Track
from experiments.averages import Mean, mean_of
from experiments.bias_of_ece.estimators import estimators_of, true_values
from experiments.bias_of_ece.settings import Config


class Case(NamedTuple):
    """A model and a number of examples."""

    slope: float
    size: int


class Found(NamedTuple):
    """What an estimator said of a case."""

    truth: float
    estimates: np.ndarray  # (trials,)

    @property
    def bias(self) -> Mean:
        """Mean estimate off the true value."""
        return mean_of(self.estimates - self.truth)

    @property
    def middle(self) -> tuple[float, float]:
        """Nine estimates of ten lie between."""
        low, high = np.quantile(self.estimates, [0.05, 0.95])
        return float(low), float(high)


def judge(config: Config, track: Track) -> dict[Case, dict[str, Found]]:
    """Each case, each estimator by name."""
    truths = {
        slope: true_values(slope, config) for slope in track(config.slopes, "true values of slope")
    }
    cases = [Case(slope, size) for size in config.sizes for slope in config.slopes]
    found = {}
    for case in track(cases, "cases"):
        estimates = _estimates(case, config)
        found[case] = {
            name: Found(truth, estimates[name]) for name, truth in truths[case.slope].items()
        }
    return found


def _estimates(case: Case, config: Config) -> dict[str, np.ndarray]:
    """(trials,) of each estimator, some trials at a time."""
    keys = jax.random.split(jax.random.key(config.seed), config.trials)
    starts = range(0, config.trials, config.together)
    chunks = [
        jax.tree.map(
            np.asarray,
            _trials(keys[start : start + config.together], case.slope, case.size, config),
        )
        for start in starts
    ]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@partial(jax.jit, static_argnames=("size", "config"))
def _trials(keys: jax.Array, slope: float, size: int, config: Config) -> dict[str, jax.Array]:
    def trial(key: jax.Array) -> dict[str, jax.Array]:
        truth, labels = draw(key, size, config.spread)
        return {
            name: each.of_sample(labels, logits=slope * truth)
            for name, each in estimators_of(config).items()
        }

    return jax.vmap(trial)(keys)


def draw(key: jax.Array, size: int, spread: float) -> tuple[jax.Array, jax.Array]:
    """True logits and labels (size,)."""
    for_logits, for_labels = jax.random.split(key)
    logits = spread * jax.random.normal(for_logits, (size,))
    return logits, jax.random.bernoulli(for_labels, sigmoid(logits))
