"""Training one model, whatever it learns from: what is known so far, and what it ends with."""

import dataclasses
from abc import abstractmethod
from functools import partial

import jax
import numpy as np
from flax import nnx

from bcejax.training.interrupts import held_interrupts
from bcejax.training.program import Plan, Run, final_state, start_run
from bcejax.training.records import Figures, History, Status, describe
from bcejax.training.state import TrainState, first_state
from bcejax.training.stopping import EarlyStopping
from bcejax.training.visits import Folder, Training, opened, visit


@partial(jax.jit, static_argnums=1)
def begin(state: TrainState, early_stopping: EarlyStopping | None) -> Run:
    """The run before its first epoch, in arrays of its own."""
    return start_run(first_state(state), early_stopping)


class SingleTraining(Training):
    """The training of one model, between visits.

    Attributes:
        best_epoch: the one that early stopping found best, from 1; 0 without.
    """

    def __init__(self, dtype: np.dtype, plan: Plan, validated: bool) -> None:
        super().__init__(plan.mesh)
        self._plan = plan
        blank = np.empty(0, dtype)
        unseen = blank if validated else None
        self._chunks = [Figures(blank, blank, unseen, unseen)]
        self.best_epoch = 0

    @property
    @abstractmethod
    def run(self) -> Run:
        """All that the next epoch depends on."""

    @property
    def figures(self) -> Figures:
        """Of the finished epochs, as NumPy arrays."""
        if len(self._chunks) > 1:
            self._chunks = [jax.tree.map(lambda *parts: np.concatenate(parts), *self._chunks)]
        return self._chunks[0]

    def look(self, run: Run) -> None:
        """Take note of where a run is that is not under way."""
        self.done, self.status = int(run.epoch), Status(int(run.status))
        self.best_epoch = 0 if run.best is None else int(run.best.epoch)

    def step(self) -> int | None:
        """The step that the run has come to; None where that is the end of an epoch."""
        return None

    def end(self, epochs: int) -> tuple[TrainState | None, History]:
        """The state that the model is to take, None if there is none any more; the history."""
        status = self.status
        if status == Status.RUNNING:
            status = Status.FINISHED if self.done >= epochs else Status.INTERRUPTED
        run, held, step = self.run, self.done, self.step()
        state, stopping = run.state, self._plan.early_stopping
        if status != Status.INTERRUPTED and stopping is not None and stopping.restore_best:
            state, held, step = final_state(run), self.best_epoch, None
        history = History(*self.figures, self.done, self.best_epoch, status)
        history = dataclasses.replace(history, message=describe(history, held, step))
        # A call that failed after it took the arrays leaves none to hand over.
        lost = any(array.is_deleted() for array in jax.tree.leaves(state))
        return None if lost else state, history


def train_model(
    model: nnx.Module,
    first: TrainState,
    training: SingleTraining,
    epochs: int,
    checkpoint: Folder,
    progress: bool,
) -> History:
    """Train, and give the model what it ends with, however that comes.

    Args:
        model: to train in place.
        first: as ``split_model`` makes it, of the model's own variables.
        training: of the same model.
        epochs: how many.
        checkpoint: as ``fit`` takes it.
        progress: whether to show it.

    Raises:
        KeyboardInterrupt: Ctrl-C, once the model is updated.
    """
    with held_interrupts() as pressed, opened(checkpoint, training, epochs) as store:
        try:
            visit(training, epochs, store, progress, pressed)
        finally:
            kept, history = training.end(epochs)
            if kept is not None:
                _hand_over(model, first, kept)
    return history


def _hand_over(model: nnx.Module, first: TrainState, kept: TrainState) -> None:
    """Give the model the arrays it ends with.

    ``nnx.update`` of the whole model goes through it once more, for as long as many small steps.
    """
    jax.tree.map(
        nnx.update, first.params, kept.params, is_leaf=lambda x: isinstance(x, nnx.Variable)
    )
    if kept.rest:
        nnx.update(model, kept.rest)
