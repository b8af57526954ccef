"""Shares found by trials, with their Clopper-Pearson ends, and what is claimed of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from scipy.stats import binomtest

from experiments import Claim, Track
from experiments.coverage_of_intervals.settings import CERTAIN, Config


class Share(NamedTuple):
    """How often something was so, of so many independent trials."""

    part: str  # "bootstrap", "regression", ...
    what: str
    model: str
    hits: int
    trials: int

    @property
    def value(self) -> float:
        """Found."""
        return self.hits / self.trials

    @property
    def ends(self) -> tuple[float, float]:
        """The true share lies between, with probability CERTAIN."""
        found = binomtest(self.hits, self.trials).proportion_ci(CERTAIN, "exact")
        return float(found.low), float(found.high)

    @property
    def name(self) -> str:
        """In a claim."""
        return f"{self.what}, {self.model}"

    def at_most(self, bound: float) -> Claim:
        """It is proved to be small."""
        return Claim(f"{self.name}: upper end of the share", self.ends[1], "<=", bound)

    def at_least(self, bound: float) -> Claim:
        """It is proved to be large."""
        return Claim(f"{self.name}: lower end of the share", self.ends[0], ">=", bound)

    def near(self, nominal: float, slack: float) -> Claim:
        """Nothing speaks against its being nominal, but for the slack."""
        low, high = self.ends
        off = max(low - nominal, nominal - high, 0.0)
        text = f"{self.name}: how far the share is off {nominal:g}, chance aside"
        return Claim(text, off, "<=", slack)


class Model(NamedTuple):
    """A model that says sigma(slope z), and the true values of what is estimated."""

    slope: float
    truth: dict[str, float]


def models(config: Config) -> dict[str, Model]:
    """By name, so far without true values."""
    return {"calibrated": Model(1.0, {}), f"slope {config.slope:g}": Model(config.slope, {})}


def shares_of(
    part: str,
    trial: Callable[[jax.Array, Model], dict[str, jax.Array]],
    count: int,
    config: Config,
    track: Track,
    those: Mapping[str, Model] | None = None,
) -> list[Share]:
    """How often each model has what a trial, given a key and the model, says of it.

    Trials run one after the other in one compiled function, which serves all models.
    """
    those = models(config) if those is None else those
    each = -(-count // config.chunks)
    keys = jax.random.split(jax.random.key(config.seed), (config.chunks, each))
    compiled = jax.jit(lambda keys, model: jax.lax.map(lambda key: trial(key, model), keys))
    found: dict[tuple[str, str], int] = {}
    for model, chunk in track([(m, c) for m in those for c in range(config.chunks)], part):
        for what, was in compiled(keys[chunk], those[model]).items():
            found[what, model] = found.get((what, model), 0) + int(np.sum(was))
    trials = each * config.chunks
    return [Share(part, what, model, hits, trials) for (what, model), hits in found.items()]
