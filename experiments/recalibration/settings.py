"""What there is to choose: how long to train too long, what to fit, and how to judge."""

from dataclasses import dataclass

from experiments.recalibration.candidates import CANDIDATES


@dataclass(frozen=True)
class Config:
    """How long to train too long, what to fit, and how to judge."""

    calibrators: tuple[str, ...] = tuple(CANDIDATES)
    """Which calibrators to fit."""
    hidden: tuple[int, ...] = (64,)
    """Widths of the network."""
    epochs: int = 200
    """Visits of each example: too many."""
    folds: int = 5
    """Parts of the held-out half of Spambase, each recalibrated by what the others say."""
    drawn: int = 1000
    """Synthetic examples to learn from."""
    idle: int = 17
    """Their inputs that say nothing, beside three that do."""
    calibrating: int = 2299
    """Others to recalibrate by; as many as of Spambase, so that both share their programs."""
    judged: int = 20_000
    """Others to judge by."""
    bins: int = 40
    """Bins of equal mass in which the truth is averaged."""
    resamples: int = 200
    """Bootstrap resamples behind each interval."""
    sigmas: float = 3.0
    """Standard errors by which a gain must exceed 0."""
    seed: int = 0
    """Seed of all that is random."""
