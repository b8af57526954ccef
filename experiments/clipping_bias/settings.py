"""What there is to choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """How finely to look, what to train, for how long, and how often."""

    points: int = 20001
    """Probabilities of each end of float32 and float64, and logits of the figures."""
    seeds: int = 24
    """Trainings of each kind, each with its own split, mislabelled rows, weights and order."""
    mislabelled: float = 0.1
    """Share of the training rows whose label is turned."""
    hidden: int = 64
    """Hidden units."""
    scales: tuple[float, ...] = (1.0, 10.0, 30.0, 100.0, 300.0)
    """Factors on the last layer's first weights; 1 is the ordinary start."""
    epochs: int = 30
    """Epochs from such a start."""
    memorizing: int = 3000
    """Epochs of learning the wrong labels by heart."""
    correcting: int = 100
    """Epochs after the labels were corrected."""
    sigmas: float = 4.0
    """Standard errors that a claim about a mean asks for; chance gives 4 in 1 run of 16 000."""
    bins: int = 10
    """Bins of reliability."""
    seed: int = 0
    """Seed of all that is random."""
