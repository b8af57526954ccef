"""Many epochs in one program.

    while epochs are left and nothing stops:      lax.while_loop, so their number is data
        for each full batch:                      lax.scan
            one step
        one step on the last, shorter batch       in the same program: not dropped, not padded
        the figures of the validation set

The program sees the order of each epoch as data and knows nothing of the clock: how many epochs
one call runs changes neither the result nor the compiled code.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.models.inputs import check_count
from bcejax.training.records import History, Status
from bcejax.training.state import TrainState
from bcejax.training.steps import Metrics, cast_arrays, evaluate, train_step
from bcejax.training.stopping import Best, EarlyStopping, Figures, select

Carry = TypeVar("Carry")
Tree = TypeVar("Tree")
Sums: TypeAlias = tuple[TrainState, jax.Array]

# A validation set goes through the model in pieces of this many examples.
_PIECE = 2**16
# Training inputs are gathered in blocks of about this many numbers, which a core's cache holds.
_BLOCK = 2**18


@struct.dataclass
class Run:
    """All that the next epoch depends on, besides the data and its order."""

    state: TrainState
    epoch: jax.Array
    status: jax.Array
    best: Best | None


class Data(NamedTuple):
    """What a run learns from and what it is judged on."""

    train: Batch
    validation: Batch | None


class Plan(NamedTuple):
    """What of a run is compiled in."""

    batch_size: int
    early_stopping: EarlyStopping | None


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
    check_count(batch_size, "batch_size")
    run, figures = run_epochs(
        start_run(state, early_stopping),
        cast_arrays(Data(train, validation), state.dtype),
        order,
        len(order) if epochs is None else epochs,
        Plan(batch_size, early_stopping),
    )
    status = jnp.where(run.status == Status.RUNNING, _int32(Status.FINISHED), run.status)
    best_epoch = jnp.zeros_like(run.epoch) if run.best is None else run.best.epoch
    return final_state(run), History(*figures, run.epoch, best_epoch, status)


def start_run(state: TrainState, early_stopping: EarlyStopping | None) -> Run:
    """The run before its first epoch."""
    best = None if early_stopping is None else early_stopping.first(state)
    return Run(state, _int32(0), _int32(Status.RUNNING), best)


def final_state(run: Run) -> TrainState:
    """What a run that was not interrupted ends with: the best state if kept, else the last."""
    return run.state if run.best is None or run.best.state is None else run.best.state


def run_epochs(
    run: Run, data: Data, order: jax.Array, epochs: ArrayLike, plan: Plan
) -> tuple[Run, Figures]:
    """The run after up to ``epochs`` more epochs, and their figures by row of ``order``."""

    def goes_on(carry: tuple[jax.Array, Run, Figures]) -> jax.Array:
        return (carry[0] < epochs) & (carry[1].status == Status.RUNNING)

    def body(carry: tuple[jax.Array, Run, Figures]) -> tuple[jax.Array, Run, Figures]:
        row, run, figures = carry
        state, new = _epoch(run.state, data, order[row], plan.batch_size)
        ok = _all_finite((new, state.params))
        run = select(
            ok,
            _advance(run, state, new, plan.early_stopping),
            dataclasses.replace(run, status=_int32(Status.DIVERGED)),
        )
        figures = jax.tree.map(
            lambda column, x: column.at[row].set(jnp.where(ok, x, jnp.nan)), figures, new
        )
        return row + 1, run, figures

    blank = jnp.full(len(order), jnp.nan, run.state.dtype)
    unseen = None if data.validation is None else blank
    figures = Figures(blank, blank, unseen, unseen)
    _, run, figures = lax.while_loop(goes_on, body, (_int32(0), run, figures))
    return run, figures


def _advance(
    run: Run, state: TrainState, figures: Figures, early_stopping: EarlyStopping | None
) -> Run:
    epoch = run.epoch + 1
    if early_stopping is None or run.best is None:
        return dataclasses.replace(run, state=state, epoch=epoch)
    best, stop = early_stopping.update(run.best, state, figures, epoch)
    status = jnp.where(stop, _int32(Status.EARLY_STOPPED), run.status)
    return Run(state, epoch, status, best)


def _epoch(
    state: TrainState, data: Data, order: jax.Array, batch_size: int
) -> tuple[TrainState, Figures]:
    def learn(carry: Sums, batch: Batch) -> Sums:
        state, metrics = train_step(carry[0], batch)
        return state, carry[1] + _weighed(metrics, state.dtype)

    def learn_block(carry: Sums, rows: jax.Array) -> Sums:
        block = jax.tree.map(lambda array: array[rows], data.train)
        return _fold(learn, carry, block, batch_size)

    # Gathered a block at a time: a gather for each batch is a third slower at 20 000 x 30, and
    # one for the whole epoch holds the data twice.
    row = data.train.inputs[0].size
    size = batch_size * max(_BLOCK // (batch_size * row), 1)
    zeros = jnp.zeros(3, state.dtype)
    state, sums = _fold(learn_block, (state, zeros), order, size)
    if data.validation is None:
        return state, Figures(*_means(sums), None, None)

    def judge(sums: jax.Array, piece: Batch) -> jax.Array:
        return sums + _weighed(evaluate(state, piece), state.dtype)

    return state, Figures(*_means(sums), *_means(_fold(judge, zeros, data.validation, _PIECE)))


def _weighed(metrics: Metrics, dtype: jnp.dtype) -> jax.Array:
    """What a batch adds to the sums over batches: (3,)."""
    loss, accuracy, weight = metrics
    return jnp.stack([weight * loss, weight * accuracy, weight]).astype(dtype)


def _means(sums: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and accuracy; 0 where nothing counts, as ``reduce_losses`` has it."""
    weight = jnp.where(sums[2] == 0, 1, sums[2])
    return sums[0] / weight, sums[1] / weight


def _fold(add: Callable[[Carry, Tree], Carry], carry: Carry, arrays: Tree, size: int) -> Carry:
    """``add`` over the pieces of ``size`` entries of some arrays; the last one may be shorter."""
    n = len(jax.tree.leaves(arrays)[0])
    cut = n - n % size
    if cut:
        pieces = jax.tree.map(lambda a: a[:cut].reshape(-1, size, *a.shape[1:]), arrays)
        carry, _ = lax.scan(lambda c, piece: (add(c, piece), None), carry, pieces)
    if cut < n:
        carry = add(carry, jax.tree.map(lambda a: a[cut:], arrays))
    return carry


def _int32(value: int) -> jax.Array:
    """A constant that is not weakly typed, or resuming from a checkpoint would compile anew."""
    return jnp.asarray(np.int32(value))


def _all_finite(tree: object) -> jax.Array:
    floats = [a for a in jax.tree.leaves(tree) if jnp.issubdtype(a.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(a).all() for a in floats]).all()
