"""``fit_stream``: training on shards larger than memory, killed and resumed at will.

A thread reads windows of rows ahead (bcejax.data.streams); the program takes a block of batches at
a time, about a million inputs (bcejax.training.blocks); between two blocks the host shows progress,
writes a checkpoint and heeds Ctrl-C. A checkpoint holds the arrays, the sums of the epoch under
way and the place in it, so that a resumed run reads one window anew and then sees the very blocks
that the killed one would have seen: it ends with the same bits.

Memory, besides the process with JAX, Flax and Orbax: that of the stream (bcejax.data.streams), two
blocks, and the model's arrays some four times with Adam, seven where early stopping keeps the best;
nothing grows with the number of rows.
"""

import contextlib
import os
import warnings

import numpy as np
import optax
from flax import nnx, struct
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.data.shards import Fault, ShardSet
from bcejax.losses import bce_with_logits
from bcejax.numerics.options import check_count
from bcejax.training.checkpoints import Checkpoint
from bcejax.training.courses import Course, Reading
from bcejax.training.entry import admit
from bcejax.training.fingerprints import digest_set
from bcejax.training.interrupts import delayed_interrupts
from bcejax.training.orders import key_words
from bcejax.training.program import Plan
from bcejax.training.records import History, Status
from bcejax.training.sharding import check_alike, check_mesh
from bcejax.training.single import train_model
from bcejax.training.state import ADAM, Loss, split_model
from bcejax.training.stopping import EarlyStopping


@struct.dataclass
class StreamHistory(History):
    """A ``History``, and what of the stream could not be read.

    Attributes:
        skipped: the blocks and files passed over, each once.

    Example:
        >>> import numpy as np
        >>> fault, loss = Fault("day-7.npz", None, "not a zip file"), np.array([0.6])
        >>> history = StreamHistory(loss, loss, None, None, 1, 0, Status.FINISHED, "", (fault,))
        >>> [fault.name for fault in history.skipped]
        ['day-7.npz']
    """

    skipped: tuple[Fault, ...] = struct.field(pytree_node=False, default=())


def fit_stream(
    model: nnx.Module,
    shards: ShardSet,
    *,
    validation: Batch | ShardSet | None = None,
    optimizer: optax.GradientTransformation = ADAM,
    loss: Loss = bce_with_logits,
    epochs: int = 1,
    batch_size: int = 256,
    window: int | None = None,
    key: ArrayLike,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    mesh: Mesh | None = None,
    prefetch: int = 1,
    progress: bool = True,
) -> StreamHistory:
    """Train a model in place on shards, as ``fit`` does on arrays.

    Each epoch visits each row once, in batches of ``batch_size``, the last one as short as it
    comes. Blocks of rows come in an order that (key, epoch) fixes, and rows are permuted within
    windows (bcejax.data.streams).

    However it ends, the model holds the last finished block, or the best epoch where early
    stopping restores it. At Ctrl-C the block under way is finished, a checkpoint is written, the
    model is updated, and then ``KeyboardInterrupt`` is raised. A shard that cannot be read ends
    training in the same way with its error: mend it or open the shards with ``skip_corrupt=True``.

    The same arguments, files and model give the same bits on one device with one version of JAX,
    whatever ``prefetch`` and ``progress`` are, and also where the run was killed and called again
    with its ``checkpoint``, early stopping included (tests/training/test_streaming.py).

    On a ``mesh`` each batch is divided over all devices, as ``fit`` does it, and each device holds
    a block; losses and parameters of a small network equal those of one device to 1e-6 in float32
    (tests/training/test_streaming_on_meshes.py). Of several processes, each reads all the shards.

    Args:
        model: a Flax NNX module that maps inputs (n, d) to logits (n,).
        shards: from ``open_shards``.
        validation: what to take the figures of after each epoch: a batch in memory, or shards
            with the same features, which are read once an epoch.
        optimizer: an optax optimizer. Make it once: each new object is compiled anew.
        loss: elementwise, (logits, labels) -> losses; the same holds.
        epochs: how many times to visit each row.
        batch_size: rows per step.
        window: rows to mix at a time; None takes what makes 2^24 numbers.
        key: a random key for the order of the rows.
        early_stopping: when to end early, judged after each epoch.
        checkpoint: a folder, or a ``Checkpoint``, whose ``every`` counts blocks of about 2^20
            inputs here: where to go on from and to write to.
        mesh: devices to train on, a ``jax.sharding.Mesh`` with axes "data", "params" or both;
            None is the default device.
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
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    if not isinstance(shards, ShardSet):
        raise TypeError(f"shards must be a ShardSet from open_shards, got {type(shards).__name__}")
    mesh = check_mesh(mesh)
    if not isinstance(early_stopping, EarlyStopping | None):
        raise TypeError(f"early_stopping must be an EarlyStopping, got {early_stopping!r}")
    if early_stopping is not None:
        early_stopping.monitored(validation is not None)
    with delayed_interrupts():
        words = key_words(key)
        state = split_model(model, optimizer, loss)
        judged = _admit(validation, shards, state.dtype, mesh)
        plan = Plan(int(batch_size), early_stopping, mesh)
        given = {
            "model": state.params,
            "shards": digest_set(shards),
            "validation": digest_set(judged),
            "key": words,
            "epochs, batch_size, window and early_stopping": f"{epochs} {window} {plan[:2]!r}",
        }
        check_alike(given, mesh)
        course = Course(state, shards, judged, Reading(words, window, prefetch), plan)
        with contextlib.closing(course):
            trained = train_model(model, state, course, epochs, checkpoint, progress)
    if course.error is not None:
        raise course.error
    history = StreamHistory(**vars(trained), skipped=tuple(course.skipped.values()))
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


def _admit(
    validation: Batch | ShardSet | None, shards: ShardSet, dtype: np.dtype, mesh: Mesh | None
) -> Batch | ShardSet | None:
    """The validation set, if it has the columns of the shards."""
    if isinstance(validation, ShardSet) and validation.features != shards.features:
        raise ValueError(
            f"validation must have the features of shards, {shards.features}; "
            f"got {validation.features}"
        )
    if validation is None or isinstance(validation, ShardSet):
        return validation
    columns = Batch(np.empty((1, len(shards.features))), np.empty(1))
    return admit(validation, "validation", dtype, columns, mesh)
