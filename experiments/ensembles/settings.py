"""What there is to choose: how many networks, how they are trained, and how often they race."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """The networks that are judged, and those that race."""

    sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Networks in an ensemble; the last is trained, the others are parts of it."""
    hidden: tuple[int, ...] = (32,)
    """Widths of the networks on Spambase."""
    epochs: int = 60
    """Visits of each e-mail."""
    folds: int = 5
    """Parts of Spambase, each judged by networks that learnt from the others."""
    resamples: int = 200
    """Bootstrap resamples behind each interval."""
    bins: int = 10
    """Of equal mass, by spread."""
    sigmas: float = 3.0
    """Standard errors by which a gain must exceed 0."""
    raced: int = 32
    """Networks that race: of 8 inputs, 16 hidden units and one output; 0 leaves the race out."""
    examples: int = 768
    """Examples that they learn from, in batches of 32."""
    laps: int = 10
    """Visits of each example."""
    turns: int = 12
    """Turns that every way has."""
    burst: float = 0.2
    """Seconds of calls in a turn."""
    claimed: float = 0.5
    """Share of the aimed ratios of times that is claimed; 0 claims none."""
    seed: int = 0
    """Seed of all that is random."""


COLUMNS, HIDDEN, BATCH, RATE = 8, 16, 32, 1e-3  # of the networks that race
