"""One pass over the data: a step on each batch, and the figures of both sets.

The batches of an epoch are scanned in the order given; the last, shorter one takes a step of its
own after them.  The figures of training are means over the batches, each taken before its step
and counted by its weight; those of the validation set are taken after the last step.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh

from bcejax.data import Batch
from bcejax.training.records import Figures
from bcejax.training.sharding import divided, whole
from bcejax.training.state import TrainState
from bcejax.training.steps import Metrics, evaluate, step_on

Carry = TypeVar("Carry")
Tree = TypeVar("Tree")
Sums: TypeAlias = tuple[TrainState, jax.Array]

# A validation set goes through the model in pieces of this many examples.
_PIECE = 2**16
# Training inputs are gathered in blocks of about this many numbers, which a core's cache holds.
_BLOCK = 2**18


class Data(NamedTuple):
    """What a run learns from and what it is judged on."""

    train: Batch
    validation: Batch | None


def run_epoch(
    state: TrainState, data: Data, order: jax.Array, batch_size: int, mesh: Mesh | None = None
) -> tuple[TrainState, Figures]:
    """The state after one epoch, and the epoch's figures.

    Args:
        state: before it.
        data: what is learnt from and judged.
        order: (m,) integers, which examples to visit in turn.
        batch_size: examples per step.
        mesh: the devices to work on; None is one.
    """

    def learn(carry: Sums, batch: Batch) -> Sums:
        state, metrics = step_on(carry[0], batch, mesh)
        return state, carry[1] + weighed(metrics, state.dtype)

    def learn_block(carry: Sums, rows: jax.Array) -> Sums:
        block = jax.tree.map(lambda array: array[shared_out(rows, mesh)], data.train)
        return fold(learn, carry, block, batch_size)

    # Gathered a block at a time: a gather for each batch is a third slower at 20 000 x 30, and
    # one for the whole epoch holds the data twice.  On a mesh each device takes its own rows of
    # one batch, for those of a block do not lie together.
    numbers = batch_size * math.prod(data.train.inputs.shape[1:])
    size = batch_size * (max(_BLOCK // numbers, 1) if mesh is None else 1)
    state, sums = fold(learn_block, (state, jnp.zeros(3, state.dtype)), order, size)
    if data.validation is None:
        return state, Figures(*means(sums), None, None)

    return state, Figures(*means(sums), *means(judge(state, data.validation, mesh)))


def judge(state: TrainState, batch: Batch, mesh: Mesh | None) -> jax.Array:
    """What a batch of any length adds to the sums over batches, a piece at a time: (3,)."""
    judged = whole(state, mesh)

    def add(sums: jax.Array, piece: Batch) -> jax.Array:
        return sums + weighed(evaluate(judged, shared_out(piece, mesh)), state.dtype)

    return fold(add, jnp.zeros(3, state.dtype), batch, _PIECE)


def shared_out(rows: Tree, mesh: Mesh | None) -> Tree:
    """Rows that each device holds whole, divided; or XLA would divide what they come from too."""
    return divided(whole(rows, mesh), mesh)


def weighed(metrics: Metrics, dtype: jnp.dtype) -> jax.Array:
    """What a batch adds to the sums over batches: (3,)."""
    loss, accuracy, weight = metrics
    return jnp.stack([weight * loss, weight * accuracy, weight]).astype(dtype)


def means(sums: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and accuracy; 0 where nothing counts, as ``reduce_losses`` has it."""
    weight = jnp.where(sums[2] == 0, 1, sums[2])
    return sums[0] / weight, sums[1] / weight


def fold(add: Callable[[Carry, Tree], Carry], carry: Carry, arrays: Tree, size: int) -> Carry:
    """``add`` over the pieces of ``size`` entries of some arrays; the last one may be shorter."""
    n = len(jax.tree.leaves(arrays)[0])
    cut = n - n % size
    if cut:
        pieces = jax.tree.map(lambda a: a[:cut].reshape(-1, size, *a.shape[1:]), arrays)
        carry, _ = lax.scan(lambda c, piece: (add(c, piece), None), carry, pieces)
    if cut < n:
        carry = add(carry, jax.tree.map(lambda a: a[cut:], arrays))
    return carry
