"""What there is to choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """The examples on which values are compared."""

    examples: int = 2000
    """How many, half of them with ties."""
    seed: int = 0
    """Seed of the examples."""
