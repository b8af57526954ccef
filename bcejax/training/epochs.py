"""``train_epochs``: epochs of training as one pure function."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.numerics.options import check_count
from bcejax.training.passes import Data
from bcejax.training.program import Plan, final_state, run_epochs, start_run
from bcejax.training.records import History, Status
from bcejax.training.state import TrainState
from bcejax.training.steps import cast_arrays
from bcejax.training.stopping import EarlyStopping


@partial(jax.jit, static_argnames=("batch_size", "early_stopping"))
def train_epochs(
    state: TrainState,
    train: Batch,
    order: ArrayLike,
    *,
    batch_size: int = 32,
    validation: Batch | None = None,
    early_stopping: EarlyStopping | None = None,
    epochs: ArrayLike | None = None,
) -> tuple[TrainState, History]:
    """Train for one epoch per row of ``order``: a pure function, for ``jit`` and ``vmap``.

    ``fit`` runs this program; call it yourself for batch orders of your own, for many models at
    once (``jax.vmap`` over states and orders), or inside a larger program.

    Args:
        state: where to start.
        train: n examples.
        order: (epochs, m) integers below n: row e lists the examples of epoch e, cut into
            batches of ``batch_size`` from the left, the last one as short as it comes.
            ``epoch_order`` gives a row; a row drawn with replacement trains on a bootstrap.
        batch_size: examples per step (static).
        validation: examples to take the figures of after each epoch.
        early_stopping: when to end early (static).
        epochs: (), how many rows of ``order`` to use; None uses all.

    Returns:
        The state after the last finished epoch, or after the best one if ``early_stopping``
        restores it, and the history, nan where no epoch was finished.

    Raises:
        ValueError: ``order`` is not (epochs, m) or ``batch_size`` is below 1; what
            ``train_step`` raises.
        TypeError: ``batch_size`` is not an integer.

    Accuracy:
        Equal to a Python loop of ``train_step`` and, under ``vmap``, to each model alone, up to
        the order in which XLA adds: 16 and 64 ulp of the largest parameter in the small
        networks of tests/training/test_epochs.py.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data import Batch
        >>> from bcejax.models import LogisticRegression
        >>> from bcejax.training import epoch_order, init_state, train_epochs
        >>> batch = Batch(np.array([[1.0], [2.0], [-1.0]]), np.array([1, 1, 0]))
        >>> order = np.stack([epoch_order(jax.random.key(0), epoch, 3) for epoch in range(5)])
        >>> state = init_state(LogisticRegression(1, rngs=nnx.Rngs(0)))
        >>> state, history = train_epochs(state, batch, order, batch_size=2)
        >>> int(state.step), history.loss.shape, bool(history.loss[4] < history.loss[0])
        (10, (5,), True)
    """
    order = jnp.asarray(order)
    if order.ndim != 2 or not jnp.issubdtype(order.dtype, jnp.integer):
        raise ValueError(
            f"order must be integers (epochs, examples), got {order.dtype} {order.shape}"
        )
    check_count("batch_size", batch_size)
    run, figures = run_epochs(
        start_run(state, early_stopping),
        cast_arrays(Data(train, validation), state.dtype),
        order,
        len(order) if epochs is None else epochs,
        Plan(batch_size, early_stopping),
    )
    status = jnp.where(run.status == Status.RUNNING, np.int32(Status.FINISHED), run.status)
    best_epoch = jnp.zeros_like(run.epoch) if run.best is None else run.best.epoch
    return final_state(run), History(*figures, run.epoch, best_epoch, status)
