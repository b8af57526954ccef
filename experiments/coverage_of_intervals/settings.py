"""What there is to choose: models, examples, trials and replicates."""

from dataclasses import dataclass

CERTAIN = 0.9999  # of the Clopper-Pearson ends of every share that trials find


ECE, SQUARE, DEBIASED, SMOOTH = ERRORS = (
    "ECE",
    "squared error",
    "squared error debiased",
    "smooth ECE",
)
KINDS = ("percentile", "basic", "bca")


@dataclass(frozen=True)
class Config:
    """Models of known truth, and how often each is judged."""

    slope: float = 1.6
    """How many times too large the miscalibrated model's logits are."""
    spread: float = 1.5
    """Standard deviation of the true logits."""
    errors: tuple[str, ...] = ERRORS
    """Errors that are bootstrapped and tested."""
    kinds: tuple[str, ...] = KINDS
    """Kinds of bootstrap intervals."""
    confidence: float = 0.95
    """Of all intervals."""
    examples: int = 500
    """Of each trial."""
    trials: int = 250
    """Of bootstraps and bands."""
    resamples: int = 200
    """Of each bootstrap."""
    regressions: int = 4000
    """Trials of the regressions."""
    tests: int = 500
    """Trials of the tests by simulation."""
    simulations: int = 99
    """Of each test and consistency band."""
    cells: int = 20
    """Of the confidence band."""
    chunks: int = 4
    """Parts in which the trials are shown as they go."""
    slack: float = 0.01
    """How far from nominal an interval's coverage may be."""
    missed: float = 0.05
    """Largest coverage of a calibrated ECE by the percentile bootstrap."""
    seed: int = 0
    """Seed of the draws."""
