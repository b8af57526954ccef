"""What is timed: the numbers, the data, and the form in which each library's way is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import jax
import numpy as np

VALUE = "mean loss"
BOTH = "value and gradient of the mean"
GRADIENT = "gradient of the mean"
HESSIAN = "second derivative of each loss"
QUANTITIES = (VALUE, BOTH, GRADIENT, HESSIAN)

OPTAX = "optax"
TRAFFIC = "memory traffic alone"

Call: TypeAlias = Callable[[], object]
Way: TypeAlias = Mapping[str, Call]  # a quantity to what computes it, to the end


@dataclass(frozen=True)
class Config:
    """How much to compute, and how often."""

    logits: int = 10_000_000
    """Number of float32 logits."""
    turns: int = 9
    """Turns in which every way has its calls."""
    calls: int = 2
    """Timed calls of a way in a turn, after one that is not timed."""
    accuracy: tuple[str, ...] = ("default", "highest")
    """Accuracies of bcejax that take part."""
    judged: bool = True
    """Whether ratios of times are claimed; those of few logits say nothing."""
    seed: int = 0
    """Seed of the logits and labels."""


class Data(NamedTuple):
    """Logits and labels, for NumPy, torch and C, and the same for JAX."""

    logits: np.ndarray  # (n,) float32
    labels: np.ndarray  # (n,) float32, 0 or 1
    on_device: tuple[jax.Array, jax.Array]


def draw_data(config: Config) -> Data:
    """Logits from -20 to 20 or so, as a trained model gives them, and labels 0 and 1."""
    rng = np.random.default_rng(config.seed)
    logits = 4 * rng.standard_normal(config.logits, dtype=np.float32)
    labels = (rng.random(config.logits) < 0.5).astype(np.float32)
    return Data(logits, labels, (jax.device_put(logits), jax.device_put(labels)))
