"""``fit``: the pure program of epochs with all that surrounds a training run.

The program is called for a chunk of epochs at a time, as many as fit between two visits of the
host, 0.2 s apart; at a visit the host shows progress, writes a checkpoint and heeds Ctrl-C.
Nothing that it computes depends on where the chunks end.
"""

import os
import warnings

import optax
from flax import nnx
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.numerics.options import check_count
from bcejax.training.checkpoints import Checkpoint
from bcejax.training.entry import admit, largest_input
from bcejax.training.interrupts import delayed_interrupts
from bcejax.training.loop import Loop
from bcejax.training.orders import key_words
from bcejax.training.passes import Data
from bcejax.training.program import Plan
from bcejax.training.records import History, Status
from bcejax.training.sharding import check_alike, check_mesh
from bcejax.training.single import train_model
from bcejax.training.state import ADAM, Loss, split_model
from bcejax.training.stopping import EarlyStopping

_LARGE = 30.0  # standardised inputs hardly ever lie so far out


def fit(
    model: nnx.Module,
    train: Batch,
    *,
    validation: Batch | None = None,
    optimizer: optax.GradientTransformation = ADAM,
    loss: Loss = bce_with_logits,
    epochs: int = 10,
    batch_size: int = 32,
    key: ArrayLike,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    mesh: Mesh | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place, after the habit of Keras's ``fit``.

    Each epoch visits the examples once in a new random order, in batches of ``batch_size``, the
    last one as short as it comes.  A step moves the parameters by the optimizer's update for the
    gradient of ``reduce_losses(loss(logits, labels), weights=weights)``.  Training runs on a
    private copy of the model's arrays with donated buffers; the optimizer starts afresh.

    However it ends, the model holds the last finished epoch (or the best one, if early stopping
    restores it) and none of its arrays has been deleted.  At Ctrl-C the preparation or the epochs
    under way are finished, the model is updated, and then ``KeyboardInterrupt`` is raised; a
    second Ctrl-C does not wait: whoever uses the model next waits for the epochs under way instead.

    The same arguments and model give the same bits on one device with one version of JAX,
    whatever ``progress`` is (tests/training/test_fitting.py) and also where the run was killed
    and called again with its ``checkpoint`` (tests/training/test_checkpoints.py).

    On a ``mesh`` each batch is divided over all devices, as evenly as it goes, and each device
    holds the training set whole; the model's arrays are then on the mesh.  An axis "params" divides
    large parameters and the optimizer's memory as well (``sharding.py`` has the layout and what
    it takes).  A small network's losses and parameters equal those of one device to 1e-6 in
    float32 (tests/training/test_sharding.py); where it is not smooth, rounding can put a unit on
    the other side of relu's kink, which moves some parameters more.  A checkpoint may go on with
    another mesh or without one.  Of several processes, each calls ``fit`` with the same
    arguments; they share the folder of checkpoints, and Ctrl-C in one of them interrupts all.

    Args:
        model: a Flax NNX module that maps inputs (n, d) to logits (n,).
        train: what to learn from.  Inputs are cast to float32 (to float64 for a model with
            float64 parameters), as are labels in [0, 1] and weights.
        validation: what to take the figures of after each epoch.
        optimizer: an optax optimizer, which may ask for the batch's ``value``, ``grad`` and
            ``value_fn``.  Make it once: each new object is compiled anew.
        loss: elementwise, (logits, labels) -> losses; the same holds.
        epochs: how many times to visit each example.
        batch_size: examples per step.
        key: a random key for the order of the examples.
        early_stopping: when to end early.
        checkpoint: a folder, or a ``Checkpoint``: where to go on from and to write to.
        mesh: devices to train on, a ``jax.sharding.Mesh`` with axes "data", "params" or both;
            None is the default device.
        progress: whether to show a bar (in a log: a line now and then) on standard error.

    Returns:
        The loss and accuracy of each epoch, and how training ended.

    Raises:
        ValueError: a shape or a value that cannot be used, named in one line; a checkpoint of
            another fit; an argument that differs between processes.
        TypeError: the same for a type.
        KeyboardInterrupt: Ctrl-C, once the model is updated.

    Warns:
        RuntimeWarning: training diverged: the epoch and the likely cause.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data import Batch
        >>> from bcejax.models import LogisticRegression
        >>> inputs = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])
        >>> model = LogisticRegression(2, rngs=nnx.Rngs(0))
        >>> history = fit(
        ...     model, Batch(inputs, np.array([1, 0, 1, 0])), key=jax.random.key(0), progress=False
        ... )
        >>> history.loss.shape, history.status, bool(history.loss[-1] < history.loss[0])
        ((10,), <Status.FINISHED: 1>, True)
    """
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    mesh = check_mesh(mesh)
    if not isinstance(early_stopping, EarlyStopping | None):
        raise TypeError(f"early_stopping must be an EarlyStopping, got {early_stopping!r}")
    with delayed_interrupts():
        words = key_words(key)
        state = split_model(model, optimizer, loss)
        dtype = state.dtype
        learnt = admit(train, "train", dtype, mesh=mesh)
        judged = None
        if validation is not None:
            judged = admit(validation, "validation", dtype, learnt, mesh)
        plan = Plan(int(batch_size), early_stopping, mesh)
        settings = f"{epochs} {batch_size} {early_stopping!r}"
        given = {"model": state.params, "train": learnt, "validation": judged, "key": words}
        check_alike(given | {"epochs, batch_size and early_stopping": settings}, mesh)
        loop = Loop(state, Data(learnt, judged), words, plan)
        history = train_model(model, state, loop, epochs, checkpoint, progress)
    if history.status == Status.DIVERGED:
        warnings.warn(f"training {history.message}; {_cause(learnt)}", RuntimeWarning, stacklevel=2)
    return history


def _cause(batch: Batch) -> str:
    """Why training most likely diverged."""
    largest, column = largest_input(batch)
    if largest > _LARGE:
        return f"likely cause: inputs not standardised (column {column} reaches {largest:.4g})"
    return "likely cause: the learning rate is too large"
