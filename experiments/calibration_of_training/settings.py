"""What there is to choose: which models, for how long, on how much."""

from dataclasses import dataclass

LOGISTIC, NETWORK, OVERTRAINED = MODELS = ("logistic regression", "MLP", "overtrained MLP")
SIGMAS = 4  # a claim about chance is off by more in 1 run of 16 000


@dataclass(frozen=True)
class Config:
    """What to train, for how long, and how much to draw."""

    hidden: tuple[int, ...] = (64,)
    """Widths of the MLP."""
    epochs: int = 30
    """Epochs of the MLP."""
    overtraining: int = 3000
    """Epochs of the overtrained MLP."""
    folds: int = 4
    """Parts of Pima, each judged by models fitted to the others."""
    short: int = 10
    """Epochs of Adam on logistic regression."""
    long: int = 1000
    """And many of them."""
    starts: int = 5
    """Trainings by Adam, each from its own parameters and in its own order."""
    penalty: float = 0.1
    """L2 penalty lambda on the coefficients, beside the mean loss."""
    drawn: int = 1024
    """Synthetic examples to learn from."""
    judged: int = 20000
    """Synthetic examples to judge by."""
    sizes: tuple[int, ...] = (250, 1000, 4000, 16000)
    """Numbers of examples by which logistic regression nears the truth."""
    repeats: int = 100
    """Draws of each size, and 10 times as many bootstraps."""
    bins: int = 10
    """Bins of reliability."""
    seed: int = 0
    """Seed of all that is random."""
