"""How often the interval of a bin's share holds the true share: exactly, no draws.

With n labels of which k are 1, k binomial, the coverage at a true share t is the probability of
those k whose interval holds t.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binom

from bcejax.calibration import reliability_curve
from experiments.coverage_of_intervals.settings import Config

SIZES = (5, 20, 100)
KINDS = ("wilson", "clopper_pearson", "jeffreys")


class Covered(NamedTuple):
    """A kind of interval for so many labels, over all true shares."""

    kind: str
    labels: int
    mean: float
    least: float


def covered(config: Config) -> list[Covered]:
    """Every kind at every size, in float64."""
    truth = (np.arange(2000) + 0.5) / 2000
    found = []
    with jax.enable_x64(True):
        for n in SIZES:
            chance = binom.pmf(np.arange(n + 1)[:, None], n, truth)
            for kind in KINDS:
                lower, upper = (end[:, None] for end in _intervals(kind, n, config))
                share = np.sum(chance * ((lower <= truth) & (truth <= upper)), axis=0)
                found.append(Covered(kind, n, float(share.mean()), float(share.min())))
    return found


def _intervals(kind: str, n: int, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Ends (n + 1,) for each number of ones, from the curve of one bin."""

    def of(ones: jax.Array) -> tuple[jax.Array, jax.Array]:
        curve = reliability_curve(
            jnp.array([0, 1]),
            probs=jnp.array([0.5, 0.5]),
            weights=jnp.stack([n - ones, ones]),
            bins=1,
            interval=kind,  # type: ignore[arg-type]
            confidence=config.confidence,
        )
        return curve.lower[0], curve.upper[0]

    # as many for every n, so that one compilation serves all
    lower, upper = jax.vmap(of)(jnp.minimum(jnp.arange(max(SIZES) + 1.0), n))
    return np.asarray(lower)[: n + 1], np.asarray(upper)[: n + 1]
