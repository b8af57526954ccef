"""``fit_stream``: training on shards larger than memory, killed and resumed at will.

A thread reads windows of rows ahead (bcejax.data.streams); the program takes a block of batches at
a time, about a million inputs (bcejax.training.blocks); between two blocks the host shows progress,
writes a checkpoint and heeds Ctrl-C. A checkpoint holds the arrays, the sums of the epoch under
way and the place in it, so that a resumed run reads one window anew and then sees the very blocks
that the killed one would have seen: it ends with the same bits.

Memory, besides the process with JAX, Flax and Orbax: that of the stream (bcejax.data.streams), two
blocks, and the model's arrays some four times with Adam; nothing grows with the number of rows.
"""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import optax
from flax import nnx, struct
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import Fault, ShardSet
from bcejax.data.streams import Position
from bcejax.losses import bce_with_logits
from bcejax.models.inputs import check_count
from bcejax.training.checkpoints import Checkpoint, Store
from bcejax.training.courses import Course, Manner
from bcejax.training.entry import admit
from bcejax.training.interrupts import held_interrupts
from bcejax.training.orders import key_words
from bcejax.training.progress import Show, shown_progress
from bcejax.training.records import History, Status, describe
from bcejax.training.state import ADAM, Loss, init_state


@struct.dataclass
class StreamHistory(History):
    """A ``History``, and what of the stream could not be read.

    Attributes:
        skipped: the blocks and files passed over, each once.
    """

    skipped: tuple[Fault, ...] = struct.field(pytree_node=False, default=())


def fit_stream(
    model: nnx.Module,
    shards: ShardSet,
    *,
    validation: Batch | None = None,
    optimizer: optax.GradientTransformation = ADAM,
    loss: Loss = bce_with_logits,
    epochs: int = 1,
    batch_size: int = 256,
    window: int | None = None,
    key: ArrayLike,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    prefetch: int = 1,
    progress: bool = True,
) -> StreamHistory:
    """Train a model in place on shards, as ``fit`` does on arrays.

    Each epoch visits each row once, in batches of ``batch_size``, the last one as short as it
    comes. Blocks of rows come in an order that (key, epoch) fixes, and rows are permuted within
    windows (bcejax.data.streams).

    However it ends, the model holds the last finished block. At Ctrl-C the block under way is
    finished, a checkpoint is written, the model is updated, and then ``KeyboardInterrupt`` is
    raised. A shard that cannot be read ends training in the same way with its error: mend it or
    open the shards with ``skip_corrupt=True``.

    The same arguments, files and model give the same bits on one device with one version of JAX,
    whatever ``prefetch`` and ``progress`` are, and also where the run was killed and called again
    with its ``checkpoint`` (tests/training/test_streaming.py).

    Args:
        model: a Flax NNX module that maps inputs (n, d) to logits (n,).
        shards: from ``open_shards``.
        validation: what to take the figures of after each epoch; lies in memory.
        optimizer: an optax optimizer. Make it once: each new object is compiled anew.
        loss: elementwise, (logits, labels) -> losses; the same holds.
        epochs: how many times to visit each row.
        batch_size: rows per step.
        window: rows to mix at a time; None takes what makes 2^24 numbers.
        key: a random key for the order of the rows.
        checkpoint: a folder, or a ``Checkpoint``, whose ``every`` counts blocks of about 2^20
            inputs here: where to go on from and to write to.
        prefetch: windows to read ahead.
        progress: whether to show a bar (in a log: a line now and then) on standard error.

    Returns:
        The loss and accuracy of each epoch, how training ended, and what was skipped.

    Raises:
        CorruptShardError: a shard cannot be read, and is not to be skipped; or none can.
        ValueError: a shape or a value that cannot be used, named in one line; a checkpoint of
            another fit.
        TypeError: the same for a type.
        KeyboardInterrupt: Ctrl-C, once the model is updated.

    Warns:
        RuntimeWarning: training diverged, or something was skipped.

    Example:
        >>> import tempfile
        >>> import jax
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data.shards import open_shards
        >>> from bcejax.models import LogisticRegression
        >>> model = LogisticRegression(1, rngs=nnx.Rngs(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for part in range(3):
        ...         x = np.random.default_rng(part).normal(size=100)
        ...         np.savez(f"{folder}/{part}.npz", x=x, y=x > 0)
        ...     shards = open_shards(folder, label="y")
        ...     history = fit_stream(
        ...         model, shards, epochs=2, batch_size=32, key=jax.random.key(0), progress=False
        ...     )
        >>> history.loss.shape, history.status, bool(history.loss[1] < history.loss[0])
        ((2,), <Status.FINISHED: 1>, True)
    """
    check_count(epochs, "epochs")
    check_count(batch_size, "batch_size")
    if not isinstance(shards, ShardSet):
        raise TypeError(f"shards must be a ShardSet from open_shards, got {type(shards).__name__}")
    manner = Manner(key_words(key), int(batch_size), window, prefetch)
    state = init_state(model, optimizer, loss)
    columns = Batch(np.empty((1, len(shards.features))), np.empty(1))
    judged = None if validation is None else admit(validation, "validation", state.dtype, columns)
    course = Course(state, shards, judged, manner)
    with held_interrupts() as pressed, _opened(checkpoint, course, epochs) as store:
        try:
            with shown_progress(progress, epochs) as show:
                _run(course, epochs, store, show, pressed)
        finally:
            kept = course.arrays()
            if kept is not None:
                nnx.update(model, kept.params, kept.rest)
    history = _history(course, epochs)
    if history.status == Status.DIVERGED:
        cause = "likely cause: inputs not standardised, or the learning rate too large"
        warnings.warn(f"training {history.message}; {cause}", RuntimeWarning, stacklevel=2)
    if history.skipped:
        warnings.warn(describe_skipped(history.skipped), RuntimeWarning, stacklevel=2)
    return history


def describe_skipped(faults: tuple[Fault, ...]) -> str:
    """What was skipped, in one line.

    Example:
        >>> describe_skipped((Fault("a.npz", 100, "a.npz is not a whole npz archive: EOF"),))
        'skipped 1 corrupt part of the shards, 100 rows: a.npz is not a whole npz archive: EOF'
    """
    known = sum(fault.rows or 0 for fault in faults)
    rows = f"{known} rows" + (" and more" if any(f.rows is None for f in faults) else "")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    parts = f"{len(faults)} corrupt part{'s' * (len(faults) > 1)}"
    return f"skipped {parts} of the shards, {rows}: {faults[0].reason}{more}"


@contextlib.contextmanager
def _opened(
    checkpoint: str | os.PathLike[str] | Checkpoint | None, course: Course, epochs: int
) -> Iterator[Store | None]:
    """The checkpoints of the run, if wanted; it goes on from the newest."""
    if checkpoint is None:
        yield None
        return
    config = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
    with contextlib.closing(Store(config, course.fingerprint())) as store:
        found = store.load(course.save()[0])
        if found is not None:
            course.resume(*found)
        if (course.epoch, course.position) > (epochs, Position()):
            where = os.fspath(config.directory)
            raise ValueError(f"checkpoint {where!r} is past epochs={epochs} already")
        yield store


def _run(
    course: Course, epochs: int, store: Store | None, show: Show, pressed: Callable[[], int]
) -> None:
    """Train until the epochs are done, training diverges, or Ctrl-C comes."""
    try:
        while course.epoch < epochs and _run_epoch(course, store, show, pressed):
            pass
    finally:
        # also where a shard cannot be read: what was learnt before it is kept
        if store is not None and course.settle(pressed):
            store.write(*course.save())


def _run_epoch(course: Course, store: Store | None, show: Show, pressed: Callable[[], int]) -> bool:
    """The rest of an epoch; whether to go on."""
    with contextlib.closing(course.pieces()) as pieces:
        for piece in pieces:
            if not _visit(course, store, show, pressed):
                return False
            course.take(piece)
    if course.position == Position():
        raise CorruptShardError("no row of the shards can be read")
    if not course.settle(pressed):
        return False
    course.finish_epoch()
    return _visit(course, store, show, pressed)


def _visit(course: Course, store: Store | None, show: Show, pressed: Callable[[], int]) -> bool:
    """Wait for the block under way and look after what surrounds it; whether to go on."""
    if not course.settle(pressed):
        return False
    if course.blocks:
        show(*course.progress)
    if store is not None and store.due(course.blocks):
        store.write(*course.save())
    return not pressed()


def _history(course: Course, epochs: int) -> StreamHistory:
    status = course.status
    if status == Status.RUNNING:
        status = Status.FINISHED if course.epoch >= epochs else Status.INTERRUPTED
    skipped = tuple(course.skipped.values())
    history = StreamHistory(*course.figures(), course.epoch, 0, status, skipped=skipped)
    return dataclasses.replace(history, message=_describe(history, int(course.run.state.step)))


def _describe(history: StreamHistory, step: int) -> str:
    """The end of training in one line."""
    epochs = int(history.epochs)
    how = {
        Status.DIVERGED: f"diverged in epoch {epochs + 1}: loss or parameters not finite",
        Status.INTERRUPTED: f"interrupted in epoch {epochs + 1}",
    }.get(Status(int(history.status)))
    return f"{how}; the model holds step {step}" if how else describe(history, epochs)
