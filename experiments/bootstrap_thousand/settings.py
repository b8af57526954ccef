"""What there is to choose."""

from dataclasses import dataclass

PIMA, SPAMBASE = "Pima", "Spambase"


@dataclass(frozen=True)
class Config:
    """Resamples, draws from known models, and turns of the race."""

    data: tuple[str, ...] = (PIMA, SPAMBASE)
    """Real data."""
    resamples: int = 1000
    """Of each bootstrap."""
    examples: int = 500
    """Of a draw from a known model."""
    draws: int = 4000
    """Draws of each model, whose estimates spread as they spread."""
    bootstrapped: int = 20
    """Draws of each model that are bootstrapped."""
    near: float = 0.1
    """How far a right standard error may be from the true one, as a share."""
    turns: int = 3
    """Turns in which every way of refitting has a call."""
    looped: int = 100
    """Refits of a loop; its time is scaled to all resamples."""
    judged: bool = True
    """Whether times are claimed; those of few resamples say nothing."""
    seed: int = 0
    """Seed of draws and resamples."""
