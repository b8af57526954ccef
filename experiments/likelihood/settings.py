"""What there is to choose: the truth, the numbers of examples and of draws."""

from dataclasses import dataclass

WALD, PROFILE, BOOTSTRAP = "Wald", "profile", "bootstrap percentile"
FIRTH_WALD, FIRTH_PROFILE = "Firth's Wald", "Firth's profile"


@dataclass(frozen=True)
class Config:
    """A true model, and how often it is estimated."""

    slope: float = 1.5
    """True coefficient of the column whose intervals are judged."""
    other: float = -1.0
    """True coefficient of the other column, which is 0 or 1."""
    intercept: float = -0.5
    """True intercept."""
    sizes: tuple[int, ...] = (30, 100, 1000, 10_000)
    """Examples of a draw."""
    draws: int = 4000
    """Draws of each size."""
    bootstrapped: int = 500
    """Draws of each size whose estimate is bootstrapped too."""
    resamples: int = 200
    """Of each bootstrap."""
    intervals: tuple[str, ...] = (WALD, PROFILE, BOOTSTRAP, FIRTH_WALD, FIRTH_PROFILE)
    """Which are judged, Wald among them."""
    together: int = 1000
    """Fits at once."""
    confidence: float = 0.95
    """Of all intervals."""
    large: int = 1000
    """Examples from which on all intervals are claimed to be right."""
    slack: float = 0.01
    """How far from nominal their coverage may be."""
    seed: int = 0
    """Seed of the draws."""
