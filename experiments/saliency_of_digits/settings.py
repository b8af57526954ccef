"""What there is to choose: how to learn, and how finely to look."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """How to learn, and how finely to look."""

    channels: tuple[int, int] = (8, 16)
    """Channels of the two convolutions."""
    epochs: int = 100
    """Visits of each image."""
    rate: float = 3e-3
    """Adam's."""
    l2: float = 1e-2
    """Penalty of logistic regression."""
    steps: int = 64
    """Points between blank paper and an image, at which gradients are taken."""
    erased: int = 6
    """Pixels to erase, a tenth of all."""
    sigmas: float = 5.0
    """Standard errors by which erasing what matters exceeds erasing at random."""
    seed: int = 0
    """Of the split, the network's start, its order of images and the random pixels."""
