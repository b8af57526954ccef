"""Early stopping, decided inside the compiled program.

Epoch e (from 1) improves on the best epoch b so far if its figure is lower by more than
``min_delta`` (higher, for an accuracy); training stops after the first epoch with
e - b >= ``patience``.  The rule is part of the program and sees every epoch, so the result does
not depend on how often the host looks in.
"""

import dataclasses
import math
from typing import Literal, NamedTuple, TypeAlias, TypeVar, get_args

import jax
import jax.numpy as jnp

from bcejax.numerics.options import check_count
from bcejax.training.records import Figures
from bcejax.training.state import TrainState

Monitor: TypeAlias = Literal["loss", "accuracy", "validation_loss", "validation_accuracy"]


class Best(NamedTuple):
    """The best epoch so far: its figure (lower is better), number from 1, and state if kept."""

    value: jax.Array
    epoch: jax.Array
    state: TrainState | None


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stop when a figure has not improved for some epochs.

    Attributes:
        patience: how many epochs may pass without improvement, 1 or more.
        min_delta: by how much a figure must be better to count as an improvement.
        restore_best: end with the best epoch rather than with the last; also where training
            runs through all its epochs or diverges, but not where Ctrl-C stops it.
        monitor: ``"loss"``, ``"accuracy"``, ``"validation_loss"`` or ``"validation_accuracy"``;
            None takes the validation loss if there is a validation set, else the loss.

    Raises:
        ValueError: patience is below 1, min_delta negative or not finite, or the monitor
            unknown.
        TypeError: patience is not an integer.

    Example:
        >>> EarlyStopping(patience=10).min_delta
        0.0
        >>> EarlyStopping(patience=0)
        Traceback (most recent call last):
        ...
        ValueError: patience is 0; there must be 1 or more
    """

    patience: int
    min_delta: float = 0.0
    restore_best: bool = True
    monitor: Monitor | None = None

    def __post_init__(self) -> None:
        check_count("patience", self.patience)
        if not self.min_delta >= 0:
            raise ValueError(f"min_delta must be 0 or more, got {self.min_delta!r}")
        if math.isinf(self.min_delta):
            raise ValueError(f"min_delta must be finite, got {self.min_delta!r}")
        if self.monitor not in (None, *get_args(Monitor)):
            raise ValueError(f"monitor must be one of {get_args(Monitor)}, got {self.monitor!r}")

    def first(self, state: TrainState) -> Best:
        """Before the first epoch: any figure will be better."""
        value = jnp.full((), jnp.inf, state.dtype)
        kept = jax.tree.map(jnp.copy, state) if self.restore_best else None
        return Best(value, jnp.zeros((), jnp.int32), kept)

    def update(
        self, best: Best, state: TrainState, figures: Figures, epoch: jax.Array
    ) -> tuple[Best, jax.Array]:
        """The best epoch after this one, and whether to stop."""
        value = self._figure(figures).astype(best.value.dtype)
        better = value < best.value - self.min_delta
        new = Best(value, epoch, state if self.restore_best else None)
        best = select(better, new, best)
        return best, epoch - best.epoch >= self.patience

    def monitored(self, validated: bool) -> Monitor:
        """The name of the figure that decides, with or without a validation set.

        Raises:
            ValueError: it is one of a validation set, and there is none.
        """
        name: Monitor = self.monitor or ("validation_loss" if validated else "loss")
        if name.startswith("validation") and not validated:
            raise ValueError(f"early_stopping monitors {name!r}, but there is no validation set")
        return name

    def _figure(self, figures: Figures) -> jax.Array:
        name = self.monitored(figures.validation_loss is not None)
        figure: jax.Array = getattr(figures, name)
        return -figure if name.endswith("accuracy") else figure


Tree = TypeVar("Tree")


def select(condition: jax.Array, yes: Tree, no: Tree) -> Tree:
    """``yes`` or ``no``, trees of one structure."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
