"""What is measured: how many images, on how many devices, and how often."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from experiments.timing import OURS

WHOLE, TORCH, COMPILED = "jax.nn.log_sigmoid, whole", "torch, whole", "torch.compile, whole"
# How many times as long others take, and how much more memory, at so many images of 512 numbers.
TIMES = {(4096, TORCH): 1.2, (4096, COMPILED): 0.95, (16_384, TORCH): 1.8}
LEANER = {4096: 8.0, 16_384: 8.0}
MEGABYTES = {16_384: 150.0}  # of ours, the results counted


@dataclass(frozen=True)
class Config:
    """How many images, on how many devices, how often, and what is claimed."""

    images: tuple[int, ...] = (1024, 2048, 4096)
    """Images, each with its text."""
    size: int = 512
    """Numbers of an embedding."""
    turns: int = 4
    """Turns in which every way has its calls."""
    calls: int = 2
    """Calls in a turn, after one that is not timed."""
    ways: tuple[str, ...] = (OURS, WHOLE, TORCH)
    """Ways that take part, where they are installed; ours is one."""
    apart: bool = True
    """Whether each way has a process of its own."""
    devices: tuple[int, ...] = (1, 2, 4, 8)
    """Devices of the rings, simulated on the CPU."""
    spread: int = 512
    """Images on a ring, those of all devices together."""
    claimed: float = 0.8
    """Share of the aims in time that is claimed; 0 where times are not judged."""
    seed: int = 0
    """Seed of the embeddings."""


class Pairs(NamedTuple):
    """Images and texts, for NumPy."""

    images: np.ndarray  # (n, d) float32, of length 1
    texts: np.ndarray  # (n, d) float32, of length 1, leaning to their images
    scale: np.float32
    bias: np.float32


def draw(images: int, size: int, seed: int) -> Pairs:
    """As after some training: texts lie at 45 degrees from their images."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((images, size), np.float32)
    v = u + rng.standard_normal((images, size), np.float32)
    u, v = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (u, v))
    return Pairs(u, v, np.float32(10), np.float32(-10))
