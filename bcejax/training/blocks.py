"""Many steps on a block of batches, in one program.

    for each of the first ``count`` batches:      lax.fori_loop, so their number is data
        a step, whose figures are added up
    judge the block: did anything become infinite or nan?

The block has one shape, so all blocks but the few rows at an epoch's end run one program. Sums
over an epoch are pairs (bcejax.numerics.pairs): it may have more steps than float32 can count.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax
from jax.sharding import Mesh

from bcejax.data import Batch
from bcejax.numerics import Pair, plus
from bcejax.training import passes
from bcejax.training.passes import shared_out, weighed
from bcejax.training.program import Plan, Run, end_epoch
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import at_rest
from bcejax.training.state import TrainState
from bcejax.training.steps import cast_arrays, step_on
from bcejax.training.stopping import select


@struct.dataclass
class StreamRun:
    """A model in training on a stream.

    Attributes:
        run: what the next epoch depends on; ``DIVERGED`` once a block has led to what is not
            finite.
        sums: of losses, hits and weights over the steps of the epoch so far, each (3,).
    """

    run: Run
    sums: Pair


def start_stream(run: Run) -> StreamRun:
    """A run before its first step, or before an epoch's."""
    return StreamRun(run, no_sums(run.state.dtype))


def no_sums(dtype: jnp.dtype) -> Pair:
    """The sums before an epoch."""
    return Pair(jnp.zeros(3, dtype), jnp.zeros(3, dtype))


def filled(batch: Batch, size: int) -> Batch:
    """A batch of ``size`` rows: those given, and zeros behind them.

    Example:
        >>> filled(Batch(np.ones((1, 1)), np.ones(1)), 3).labels
        array([1., 0., 0.])
    """
    missing = size - len(batch.labels)
    if not missing:
        return batch
    return jax.tree.map(
        lambda array: np.pad(array, ((0, missing), *[(0, 0)] * (array.ndim - 1))), batch
    )


def blocked(batch: Batch, size: int) -> Batch:
    """Rows (k size, ...) as a block (k, size, ...)."""
    return jax.tree.map(lambda array: array.reshape(-1, size, *array.shape[1:]), batch)


@partial(jax.jit, static_argnames="mesh", donate_argnums=0)
def advance(
    stream: StreamRun, block: Batch, count: jax.Array, *, mesh: Mesh | None = None
) -> StreamRun:
    """The run after a step on each of the first ``count`` batches of a block (k, b, ...).

    The run as it was, but ``DIVERGED``, if a figure or a parameter is no longer finite, or if it
    had diverged before.
    """
    run = stream.run
    block = cast_arrays(block, run.state.dtype)

    def step(number: jax.Array, carry: tuple[TrainState, Pair]) -> tuple[TrainState, Pair]:
        batch = jax.tree.map(lambda array: array[number], block)
        state, metrics = step_on(carry[0], shared_out(batch, mesh), mesh)
        figures = weighed(metrics, state.dtype)
        return state, plus(carry[1], Pair(figures, jnp.zeros_like(figures)))

    state, sums = lax.fori_loop(0, count, step, (run.state, stream.sums))
    ok = (run.status == Status.RUNNING) & jnp.isfinite(sums.high).all()
    for array in jax.tree.leaves(state.params):
        ok &= jnp.isfinite(array).all()
    status = jnp.where(ok, run.status, np.int32(Status.DIVERGED))
    kept, sums = select(ok, (state, sums), (run.state, stream.sums))
    return at_rest(StreamRun(dataclasses.replace(run, state=kept, status=status), sums), mesh)


@partial(jax.jit, static_argnames="plan", donate_argnums=0)
def finish(stream: StreamRun, figures: Figures, *, plan: Plan) -> StreamRun:
    """The run after an epoch with these figures, ready for the next."""
    run, _ = end_epoch(stream.run, stream.run.state, figures, plan.early_stopping)
    return at_rest(start_stream(run), plan.mesh)


judge = jax.jit(passes.judge, static_argnums=2)
