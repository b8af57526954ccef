"""The tutorial's setting: its numbers, its data, its models, the order of its batches."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from flax import nnx

from bcejax.data import Split
from bcejax.models import MLP, LogisticRegression
from bcejax.training import epoch_order

Model: TypeAlias = MLP | LogisticRegression


@dataclass(frozen=True)
class Config:
    """The tutorial's numbers, and how long to measure."""

    hidden: int = 16
    """Hidden units."""
    learning_rate: float = 0.001
    """Step of Adam."""
    epochs: int = 10
    """Visits of each patient."""
    batch_size: int = 32
    """Patients per step."""
    validation: float = 0.2
    """Share of the patients held back."""
    seed: int = 0
    """Seed of the split, the first weights and the batches."""
    gain: float = 0.05
    """Nats by which the network must beat the base rate on the patients held back."""
    repeats: int = 15
    """Timed runs of each contestant; 0 measures no speed."""


class Course(NamedTuple):
    """A training, epoch by epoch."""

    loss: np.ndarray  # (epochs,), mean over the batches before their steps
    validation_loss: np.ndarray  # (epochs,)
    weights: np.ndarray  # (epochs, P), after the epoch


@dataclass(frozen=True)
class Task:
    """What to train on, and how."""

    config: Config
    parts: Split

    @property
    def key(self) -> jax.Array:
        """The random key of the batches."""
        return jax.random.key(self.config.seed)

    def orders(self) -> np.ndarray:
        """The order of the patients in each epoch, as ``fit`` draws it, (epochs, n)."""
        n = len(self.parts.train.labels)
        return np.stack([epoch_order(self.key, e, n) for e in range(self.config.epochs)])

    def rounded(self, dtype: str) -> Split:
        """The data as float32 has it, in a precision."""
        cast: Split = jax.tree.map(lambda a: np.float32(a).astype(dtype), self.parts)
        return cast

    def network(self, dtype: str = "float32") -> MLP:
        """The network as Flax draws it in float32, its parameters then widened."""
        features = self.parts.train.inputs.shape[1]
        model = MLP(features, hidden=(self.config.hidden,), rngs=nnx.Rngs(self.config.seed))
        nnx.update(model, jax.tree.map(lambda a: a.astype(dtype), nnx.state(model, nnx.Param)))
        return model

    def regression(self) -> LogisticRegression:
        """Logistic regression on the same columns."""
        features = self.parts.train.inputs.shape[1]
        return LogisticRegression(features, rngs=nnx.Rngs(self.config.seed))


def layers_of(model: Model) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each layer's kernel (in, out) and bias (out,), in order."""
    if isinstance(model, LogisticRegression):
        pairs = [(model.coefficients[...][:, None], model.intercept[...][None])]
    else:
        layers: list[Any] = [*model.hidden, model.output]
        pairs = [(layer.kernel[...], layer.bias[...]) for layer in layers]
    return [(np.asarray(kernel), np.asarray(bias)) for kernel, bias in pairs]


def flatten(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """All numbers of some arrays in one vector."""
    return np.concatenate([array.ravel() for array in arrays])
