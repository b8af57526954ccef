"""What is timed: the numbers, the data, and the form in which each program's way is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

REPORT = "calibration report"
SECONDS = 8.0  # that the report may take on a busy machine; on a quiet one it is a quarter

Call: TypeAlias = Callable[[], Any]


@dataclass(frozen=True)
class Config:
    """How much to compute, and how often."""

    predictions: int = 1_000_000
    """Float32 predictions."""
    pairs: int = 10_000
    """Predictions of the kernel error, where netcal takes all pairs."""
    venn_abers: int = 100_000
    """Predictions that Venn-Abers is fitted to."""
    new: int = 1000
    """Scores that it then judges."""
    reported: int = 10_000
    """Predictions of the report; 0 leaves it out."""
    resamples: int = 1000
    """Resamples of its intervals."""
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Numbers of predictions by which the growth of times is told."""
    turns: int = 5
    """Turns that every way has."""
    burst: float = 0.1
    """Seconds of calls in a turn, for a way that is quicker than that."""
    patience: float = 2.0
    """Seconds after which a way has had its turns."""
    claimed: float = 0.8
    """Share of the ratios aimed at that is claimed, so that a busy machine passes; 0 judges no
    times, as those of few predictions say nothing."""
    seed: int = 0
    """Seed of the predictions and labels."""


class Data(NamedTuple):
    """Predictions and labels, for NumPy and for JAX."""

    logits: np.ndarray  # (n,) float32
    probs: np.ndarray  # (n,) float32, inside (0, 1)
    labels: np.ndarray  # (n,) int64, 0 or 1
    on_device: tuple[jax.Array, jax.Array, jax.Array]  # the same, labels in float32

    def first(self, n: int) -> "Data":
        """The first n."""
        logits, probs, labels = self.on_device
        return Data(
            self.logits[:n], self.probs[:n], self.labels[:n], (logits[:n], probs[:n], labels[:n])
        )


def draw_data(config: Config) -> Data:
    """An overconfident model's predictions, and labels of the truth."""
    n = max(config.predictions, config.pairs, config.venn_abers, config.reported, *config.sizes)
    rng = np.random.default_rng(config.seed)
    truth = 1.5 * rng.standard_normal(n)
    logits = (1.4 * truth - 0.2).astype(np.float32)
    probs = (1 / (1 + np.exp(-logits))).astype(np.float32)
    labels = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    on_device = tuple(jax.device_put(each) for each in (logits, probs, labels.astype(np.float32)))
    return Data(logits, probs, labels, on_device)
