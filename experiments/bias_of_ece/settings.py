"""What there is to choose: which models, how many examples, bins and trials."""

from dataclasses import dataclass

SIGMAS = 4  # a claim about chance is off by more in 1 run of 16 000


@dataclass(frozen=True)
class Config:
    """Models of known truth, and how often each is judged."""

    slopes: tuple[float, ...] = (1.0, 1.2, 1.6)
    """How many times too large the model's logits are; 1 is calibrated and comes first."""
    spread: float = 1.5
    """Standard deviation of the true logits."""
    sizes: tuple[int, ...] = (300, 1000, 5000)
    """Numbers of examples."""
    bins: tuple[int, ...] = (5, 15, 60)
    """Numbers of bins; 15 must be one of them."""
    trials: int = 300
    """Draws of each model and size."""
    together: int = 25
    """Trials computed at once."""
    points: int = 20001
    """Logits of the quadrature behind each true value."""
    near: float = 0.1
    """How near the plug-in's mean must be to the theory's, relative to it."""
    seed: int = 0
    """Seed of the draws."""
