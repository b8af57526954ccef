"""Many epochs in one program, cut wherever the host likes.

    while epochs are left and nothing stops:      lax.while_loop, so their number is data
        one pass over the data
        judge it: diverged? better than the best? stop?

The program sees the order of each epoch as data and knows nothing of the clock: how many epochs
one call runs changes neither the result nor the compiled code.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.training.passes import Data, run_epoch
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import at_rest, whole
from bcejax.training.state import TrainState
from bcejax.training.stopping import Best, EarlyStopping, select


@struct.dataclass
class Run:
    """All that the next epoch depends on, besides the data and its order."""

    state: TrainState
    epoch: jax.Array
    status: jax.Array
    best: Best | None


class Plan(NamedTuple):
    """What of a run is compiled in."""

    batch_size: int
    early_stopping: EarlyStopping | None
    mesh: Mesh | None = None


def start_run(state: TrainState, early_stopping: EarlyStopping | None) -> Run:
    """The run before its first epoch."""
    best = None if early_stopping is None else early_stopping.first(state)
    return Run(state, int32(0), int32(Status.RUNNING), best)


def final_state(run: Run) -> TrainState:
    """What a run that was not interrupted ends with: the best state if kept, else the last."""
    return run.state if run.best is None or run.best.state is None else run.best.state


def run_epochs(
    run: Run, data: Data, order: jax.Array, epochs: ArrayLike, plan: Plan
) -> tuple[Run, Figures]:
    """The run after up to ``epochs`` more epochs, and their figures by row of ``order``."""

    def goes_on(carry: tuple[jax.Array, Run, Figures]) -> jax.Array:
        return (carry[0] < most) & (carry[1].status == Status.RUNNING)

    def body(carry: tuple[jax.Array, Run, Figures]) -> tuple[jax.Array, Run, Figures]:
        row, run, figures = carry
        run, new = next_epoch(run, data, order[row], plan)
        figures = jax.tree.map(lambda column, x: column.at[row].set(x), figures, new)
        return row + 1, at_rest(run, plan.mesh), whole(figures, plan.mesh)

    most = jnp.minimum(epochs, len(order))
    blank = jnp.full(len(order), jnp.nan, run.state.dtype)
    unseen = None if data.validation is None else blank
    figures = Figures(blank, blank, unseen, unseen)
    _, run, figures = lax.while_loop(goes_on, body, (int32(0), run, figures))
    return run, figures


def next_epoch(run: Run, data: Data, order: jax.Array, plan: Plan) -> tuple[Run, Figures]:
    """The run after one more epoch, which visits ``order`` (m,), and the epoch's figures.

    Where a figure or a parameter is not finite, the run is as it was, but ``DIVERGED``, and the
    figures are nan.
    """
    state, new = run_epoch(run.state, data, order, plan.batch_size, plan.mesh)
    return end_epoch(run, state, new, plan.early_stopping)


def end_epoch(
    run: Run, state: TrainState, figures: Figures, early_stopping: EarlyStopping | None
) -> tuple[Run, Figures]:
    """The run after an epoch that led to this state and these figures, as ``next_epoch``."""
    ok = all_finite((figures, state.params))
    run = select(
        ok,
        _advance(run, state, figures, early_stopping),
        dataclasses.replace(run, status=int32(Status.DIVERGED)),
    )
    return run, jax.tree.map(lambda x: jnp.where(ok, x, jnp.nan), figures)


def _advance(
    run: Run, state: TrainState, figures: Figures, early_stopping: EarlyStopping | None
) -> Run:
    epoch = run.epoch + 1
    if early_stopping is None or run.best is None:
        return dataclasses.replace(run, state=state, epoch=epoch)
    best, stop = early_stopping.update(run.best, state, figures, epoch)
    status = jnp.where(stop, int32(Status.EARLY_STOPPED), run.status)
    return Run(state, epoch, status, best)


def int32(value: int) -> jax.Array:
    """A constant that is not weakly typed, or resuming from a checkpoint would compile anew."""
    return jnp.asarray(np.int32(value))


def all_finite(tree: object) -> jax.Array:
    """Whether every floating number of a tree is finite: ()."""
    floats = [a for a in jax.tree.leaves(tree) if jnp.issubdtype(a.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(a).all() for a in floats]).all()
