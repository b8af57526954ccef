"""What came of a training run."""

import enum
from typing import NamedTuple, TypeAlias

import jax
import numpy as np
from flax import struct

Column: TypeAlias = jax.Array | np.ndarray


class Status(enum.IntEnum):
    """How training ended, or that it has not.

    ``DIVERGED``: a loss or a parameter was nan or infinite after an epoch; that epoch is not
    counted and the state is that of the epoch before.  ``INTERRUPTED``: Ctrl-C.

    Example:
        >>> Status(2)
        <Status.EARLY_STOPPED: 2>
    """

    RUNNING = 0
    FINISHED = 1
    EARLY_STOPPED = 2
    DIVERGED = 3
    INTERRUPTED = 4


class Figures(NamedTuple):
    """Loss and accuracy of an epoch, or of many; None where there is no validation set."""

    loss: Column
    accuracy: Column
    validation_loss: Column | None
    validation_accuracy: Column | None


@struct.dataclass
class History:
    """Loss and accuracy of each epoch, and how training ended; a frozen record and a pytree.

    As in Keras, the training figures are means over the epoch's batches, each taken before its
    update and counted by its weight; the validation figures are taken after the epoch.

    From ``fit``, the arrays are NumPy's, one entry per finished epoch, and ``status`` is a
    ``Status``.  From ``train_epochs``, they are JAX's with one entry per row of the order, nan
    from the first epoch that was not finished on.

    Attributes:
        loss: (epochs,) mean training loss.
        accuracy: (epochs,) training accuracy.
        validation_loss: (epochs,), None without a validation set.
        validation_accuracy: (epochs,), None without a validation set.
        epochs: (), int32, finished epochs.
        best_epoch: (), int32, the epoch (from 1) with the best monitored figure; 0 without
            early stopping.
        status: (), int32, a ``Status``.
        message: the end in one line, from ``fit`` only.

    Example:
        >>> loss, held = np.array([0.69, 0.55, 0.48]), np.array([0.70, 0.61, 0.63])
        >>> accuracy = np.array([0.5, 0.7, 0.8])
        >>> history = History(loss, accuracy, held, accuracy, 3, 2, Status.EARLY_STOPPED)
        >>> history.validation_loss[history.best_epoch - 1], history.status.name
        (np.float64(0.61), 'EARLY_STOPPED')
    """

    loss: Column
    accuracy: Column
    validation_loss: Column | None
    validation_accuracy: Column | None
    epochs: jax.Array | int
    best_epoch: jax.Array | int
    status: jax.Array | Status
    message: str = struct.field(pytree_node=False, default="")


def describe(history: History, held: int, step: int | None = None) -> str:
    """The end of a training run in one line.

    Args:
        history: of a run that has ended.
        held: the epoch (from 1) that the model holds; 0 where it is as it was.
        step: the step that it holds instead, within an epoch.
    """
    ends = {
        Status.FINISHED: f"finished {history.epochs} epoch{'s' * (history.epochs != 1)}",
        Status.EARLY_STOPPED: f"stopped early after epoch {history.epochs}",
        Status.DIVERGED: f"diverged in epoch {history.epochs + 1}: loss or parameters not finite",
        Status.INTERRUPTED: f"interrupted after epoch {history.epochs}",
    }
    place = f"epoch {held}" if step is None else f"step {step}"
    line = f"{ends[Status(int(history.status))]}; the model holds {place}"
    if not held or step is not None:
        return line
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    columns = [(name.replace("_", " "), getattr(history, name)) for name in names]
    shown = [f"{name} {column[held - 1]:.4g}" for name, column in columns if column is not None]
    return f"{line}: {', '.join(shown)}"
