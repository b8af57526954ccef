"""What there is to choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Which formats to train in, on what, for how long, and how often."""

    formats: tuple[str, ...] = ("bfloat16", "float16")
    """16-bit formats to train in, beside float32."""
    seeds: int = 24
    """Trainings of each kind, each with its own split, weights and order."""
    smoothing: float = 0.002
    """Share of the way that training labels are moved to 1/2: 0.002 makes 1 a 0.999."""
    hidden: int = 32
    """Hidden units."""
    epochs: int = 30
    """Visits of each mail."""
    batch_size: int = 64
    """Mails per step."""
    summed: int = 100_000
    """Losses to add."""
    sigmas: float = 4.0
    """Standard errors that a claim about a mean asks for; chance gives 4 in 1 run of 16 000."""
    tolerance: float = 0.02
    """Nats by which training in 16 bits on the exact loss may differ from float32."""
    seed: int = 0
    """Seed of all that is random."""
