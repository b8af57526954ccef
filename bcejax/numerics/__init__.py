"""Floor 0: scalar functions that keep their digits, and checks of labels and probabilities."""

from bcejax.numerics.extras import require

__all__ = ["require"]
