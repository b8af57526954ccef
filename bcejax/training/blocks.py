"""Many steps on a block of batches, in one program.

    for each of the first ``count`` batches:      lax.fori_loop, so their number is data
        a step, whose figures are added up
    judge the block: did anything become infinite or nan?

The block has one shape, so all blocks but the few rows at an epoch's end run one program. Sums
over an epoch are pairs (bcejax.numerics.pairs): it may have more steps than float32 can count.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax

from bcejax.data import Batch
from bcejax.numerics import Pair, plus
from bcejax.training.passes import fold, means, weighed
from bcejax.training.records import Status
from bcejax.training.state import TrainState
from bcejax.training.steps import cast_arrays, evaluate, train_step
from bcejax.training.stopping import select

_PIECE = 2**16  # examples of a validation set that go through the model at a time


@struct.dataclass
class StreamRun:
    """A model in training on a stream.

    Attributes:
        state: of the model.
        sums: of losses, hits and weights over the steps of the epoch so far, each (3,).
        status: (), int32; ``DIVERGED`` once a block has led to what is not finite.
    """

    state: TrainState
    sums: Pair
    status: jax.Array


def start_stream(state: TrainState) -> StreamRun:
    """A run before its first step."""
    return StreamRun(state, no_sums(state.dtype), jnp.asarray(np.int32(Status.RUNNING)))


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


@partial(jax.jit, donate_argnums=0)
def advance(run: StreamRun, block: Batch, count: jax.Array) -> StreamRun:
    """The run after a step on each of the first ``count`` batches of a block (k, b, ...).

    The run as it was, but ``DIVERGED``, if a figure or a parameter is no longer finite, or if it
    had diverged before.
    """
    block = cast_arrays(block, run.state.dtype)

    def step(number: jax.Array, carry: tuple[TrainState, Pair]) -> tuple[TrainState, Pair]:
        state, metrics = train_step(carry[0], jax.tree.map(lambda a: a[number], block))
        figures = weighed(metrics, state.dtype)
        return state, plus(carry[1], Pair(figures, jnp.zeros_like(figures)))

    state, sums = lax.fori_loop(0, count, step, (run.state, run.sums))
    ok = (run.status == Status.RUNNING) & jnp.isfinite(sums.high).all()
    for array in jax.tree.leaves(state.params):
        ok &= jnp.isfinite(array).all()
    status = jnp.where(ok, run.status, np.int32(Status.DIVERGED))
    kept, sums = select(ok, (state, sums), (run.state, run.sums))
    return StreamRun(kept, sums, status)


@jax.jit
def judge(state: TrainState, batch: Batch) -> tuple[jax.Array, jax.Array]:
    """Loss and accuracy of a set that fits into memory."""

    def add(sums: jax.Array, piece: Batch) -> jax.Array:
        return sums + weighed(evaluate(state, piece), state.dtype)

    return means(fold(add, jnp.zeros(3, state.dtype), batch, _PIECE))
