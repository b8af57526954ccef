"""Floor 2: Flax NNX models that give one logit per example."""

from bcejax.models.linear import LogisticRegression
from bcejax.models.perceptron import MLP

__all__ = ["MLP", "LogisticRegression"]
