"""``fit_ensemble``: many models of one kind, trained at once.

The members differ by where they start, by their learning rates, by how much the examples count
for each (a bootstrap), and by the order in which they see the examples, where they do not share
one.  With a shared order a batch is gathered once for all, and the first layers of all models
are one product with it.

References:
    B. Lakshminarayanan, A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty
    estimation using deep ensembles (2017).
    L. Breiman, Bagging predictors (1996).
"""

import os
import warnings
from collections import Counter
from typing import Any

import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.losses import bce_with_logits
from bcejax.numerics.options import check_count
from bcejax.training.checkpoints import Checkpoint
from bcejax.training.ensembles.entry import (
    admit_key,
    admit_mesh,
    admit_optimizer,
    admit_weights,
)
from bcejax.training.ensembles.loop import Differences, Members
from bcejax.training.ensembles.members import MakeModel, MakeOptimizer, start_members
from bcejax.training.ensembles.record import Ensemble
from bcejax.training.entry import admit
from bcejax.training.interrupts import delayed_interrupts, held_interrupts
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run, final_state
from bcejax.training.records import Figures, History, Status
from bcejax.training.state import ADAM, Loss
from bcejax.training.stopping import EarlyStopping
from bcejax.training.visits import opened, visit


def fit_ensemble(
    make_model: MakeModel,
    train: Batch,
    *,
    n_models: int,
    key: ArrayLike,
    validation: Batch | None = None,
    optimizer: optax.GradientTransformation | MakeOptimizer = ADAM,
    learning_rates: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    shared_order: bool = True,
    loss: Loss = bce_with_logits,
    epochs: int = 10,
    batch_size: int = 32,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    mesh: Mesh | None = None,
    progress: bool = True,
) -> Ensemble:
    """Train many models at once: ``fit`` for each of them, in one program.

    With ``keys = jax.random.split(key, n_models)``, model i is, to rounding,

        model = make_model(nnx.Rngs(keys[i]))
        fit(model, train, key=key, ...)            # key=keys[i] with shared_order=False

    so it does not depend on the other models, and stops early or diverges by itself.  The models
    are shared out to the devices, which send each other nothing.

    Ctrl-C ends the training within moments, or after the epoch under way; a second one does not
    wait.  Nothing is returned then, but a run that was interrupted or killed and is called again
    with its ``checkpoint`` goes on, and ends with the bits of one that was not, or on other devices
    with their rounding (tests/training/ensembles/test_checkpoints.py).

    Args:
        make_model: makes a Flax NNX module from ``nnx.Rngs``.  Name a function that stays: each
            new one, a new lambda too, is compiled anew.
        train: what to learn from; see ``fit``.
        n_models: how many models.
        key: a random key for the models and the orders of the examples.
        validation: what to take the figures of after each epoch.
        optimizer: an optax optimizer; or, with ``learning_rates``, a function of a learning rate
            that gives one, such as ``optax.adam``.  Make it once, as for ``fit``.  The default,
            Adam, holds its memory of a small model as one array; ``optax.flatten`` makes others
            do so.
        learning_rates: (n_models,), that of each model.
        weights: (n_models, n), how much each example counts for each model, where ``train`` has
            no weights; the counts of ``bcejax.data.resampling`` make a bootstrap.
        shared_order: whether all see the examples in one order, which is quicker; their starts
            are then what they differ by.
        loss: elementwise, (logits, labels) -> losses.
        epochs: how many times to visit each example.
        batch_size: examples per step.
        early_stopping: when to end early, for each model by itself.
        checkpoint: a folder, or a ``Checkpoint``: where to go on from and to write to.
        mesh: the devices to use, whatever its axes; None takes all of this process.  Where their
            number does not divide ``n_models``, some places on the last ones repeat a model.
        progress: whether to show a bar with the mean figures.

    Returns:
        The models and their histories.

    Raises:
        ValueError: a shape or a value that cannot be used, named in one line; a checkpoint of
            another fit.
        TypeError: the same for a type.

    Warns:
        RuntimeWarning: some models diverged; each holds the epoch before.

    Memory:
        Parameters, the optimizer's memory and the activations of a batch, each n_models times
        over and shared out to the devices; the data once on each device.

    Accuracy:
        Equal to ``fit`` of each alone, and on four devices to one, up to the order in which XLA
        adds: 64 ulp of the largest parameter in the small networks of
        tests/training/ensembles/test_fitting.py.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from bcejax.data import Batch
        >>> from bcejax.models import LogisticRegression
        >>> inputs = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])
        >>> ensemble = fit_ensemble(
        ...     lambda rngs: LogisticRegression(2, rngs=rngs),
        ...     Batch(inputs, np.array([1, 0, 1, 0])),
        ...     n_models=3,
        ...     key=jax.random.key(0),
        ...     progress=False,
        ... )
        >>> ensemble.logits(inputs).shape, ensemble.mean_probs(inputs).shape
        ((3, 4), (4,))
        >>> ensemble.history.loss.shape, ensemble.history.message
        ((3, 10), '3 models: 3 finished')
    """
    check_count("n_models", n_models)
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    if not callable(make_model) or isinstance(make_model, nnx.Module):
        kind = type(make_model).__name__
        raise TypeError(f"make_model must be a function of nnx.Rngs that makes a model, got {kind}")
    if not isinstance(early_stopping, EarlyStopping | None):
        raise TypeError(f"early_stopping must be an EarlyStopping, got {early_stopping!r}")
    with delayed_interrupts():
        mesh = admit_mesh(mesh, n_models)
        key, words = admit_key(key, n_models, shared_order)
        optimizer, rates = admit_optimizer(optimizer, learning_rates, n_models)
        runs = start_members(
            key,
            rates,
            n_models=n_models,
            make_model=make_model,
            optimizer=optimizer,
            loss=loss,
            early_stopping=early_stopping,
            mesh=mesh,
        )
        dtype = runs.state.dtype
        learnt = admit(train, "train", dtype)
        judged = None if validation is None else admit(validation, "validation", dtype, learnt)
        own = None if weights is None else admit_weights(weights, learnt, n_models)
        members = Members(
            runs,
            Data(learnt, judged),
            Differences(words, rates, own),
            n_models,
            Plan(int(batch_size), early_stopping),
            mesh,
            epochs,
        )
        with held_interrupts() as pressed, opened(checkpoint, members, epochs) as store:
            visit(members, epochs, store, progress, pressed)
    runs, figures = members.saved()
    unfinished = Status.FINISHED if members.ended(epochs) else Status.INTERRUPTED
    ensemble = Ensemble(final_state(runs), _history(runs, figures, unfinished))
    _warn(ensemble.history)
    return ensemble


def _history(runs: Run, figures: Figures, unfinished: Status) -> History:
    """Of models that have ended; ``unfinished`` is how those did that could go on."""
    status: Any = np.asarray(runs.status)
    status = np.where(status == Status.RUNNING, unfinished, status).astype(np.int32)
    epochs: Any = np.asarray(runs.epoch)
    best: Any = np.zeros_like(epochs) if runs.best is None else np.asarray(runs.best.epoch)
    ends = Counter(Status(each).name.lower().replace("_", " ") for each in status)
    told = ", ".join(f"{count} {end}" for end, count in ends.items())
    return History(*figures, epochs, best, status, f"{len(status)} models: {told}")


def _warn(history: History) -> None:
    """Say so if models diverged."""
    diverged = np.flatnonzero(np.asarray(history.status) == Status.DIVERGED)
    if len(diverged):
        warnings.warn(
            f"training of {history.message}; model {diverged[0]} in epoch "
            f"{np.asarray(history.epochs)[diverged[0]] + 1}: loss or parameters not finite; "
            "likely cause: a learning rate that is too large, or inputs not standardised",
            RuntimeWarning,
            stacklevel=3,
        )
