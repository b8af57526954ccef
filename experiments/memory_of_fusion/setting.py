"""What is measured: shapes of heads, the numbers in them, and how often."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

WHOLE, OPTAX, TORCH = "bcejax, whole logits", "optax", "torch"
POSITIVES = 5  # labels that are 1, for each example
AIM, AIM_LARGE, LARGE = 1.8, 2.2, 4096  # times as fast as others; from so many examples on
LEANER = 20.0  # times less memory than others take, their labels counted


@dataclass(frozen=True)
class Config:
    """Which heads, how often, and what is claimed."""

    shapes: tuple[tuple[int, int], ...] = ((2048, 5_000), (2048, 20_000))
    """Examples and labels of each head."""
    columns: int = 256
    """Features of an example."""
    chunk: int = 1024
    """Labels in a step of the fused head."""
    turns: int = 2
    """Turns in which every way has its calls."""
    calls: int = 2
    """Calls in a turn, after one that is not timed."""
    apart: bool = True
    """Whether each way has a process of its own; memory is judged only then."""
    judged_from: int = 20_000
    """Labels from which on the others' time and memory are claimed to be more."""
    claimed: float = 0.5
    """Share of the aims that is claimed; 0 where nothing is judged."""
    seed: int = 0
    """Seed of the numbers."""


class Problem(NamedTuple):
    """A head to differentiate, for NumPy."""

    features: np.ndarray  # (n, d) float32
    kernel: np.ndarray  # (d, L) float32
    bias: np.ndarray  # (L,) float32
    places: np.ndarray  # (n, POSITIVES) int32

    def labels(self) -> np.ndarray:
        """As a matrix (n, L) of float32, as others take them."""
        dense = np.zeros((len(self.features), len(self.bias)), np.float32)
        np.put_along_axis(dense, self.places, 1, axis=1)
        return dense


def draw(shape: tuple[int, int], config: Config) -> Problem:
    """Logits of about -4, as of rare labels."""
    examples, labels = shape
    rng = np.random.default_rng(config.seed)
    kernel = rng.standard_normal((config.columns, labels), np.float32)
    kernel *= np.float32(1 / np.sqrt(config.columns))
    return Problem(
        rng.standard_normal((examples, config.columns), np.float32),
        kernel,
        rng.standard_normal(labels, np.float32) - 4,
        rng.integers(0, labels, (examples, POSITIVES), np.int32),
    )
