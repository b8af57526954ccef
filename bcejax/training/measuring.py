"""Calibration of a model on shards larger than memory: one pass, one record of fixed size.

Logits of a batch go into ``bcejax.calibration.state``, whose sums do not depend on how the rows
came in batches but for rounding; the last batch is filled up with rows that do not count.
"""

import contextlib
import warnings
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from bcejax.calibration import state as calibration
from bcejax.calibration.state import CalibrationState, CalibrationSummary
from bcejax.data import Batch
from bcejax.data.shards import Fault, ShardSet
from bcejax.data.streams import read_batches
from bcejax.numerics.options import check_count
from bcejax.training.blocks import filled
from bcejax.training.progress import shown_progress
from bcejax.training.records import Figures
from bcejax.training.state import TrainState, init_state
from bcejax.training.steps import cast_arrays
from bcejax.training.streaming import describe_skipped


class StreamCalibration(NamedTuple):
    """How well a model's probabilities hold on a stream.

    Attributes:
        summary: scores, errors and curve.
        state: the sums they come from, to merge with those of other shards.
        skipped: the blocks and files that could not be read and were passed over.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data.shards import open_shards
        >>> from bcejax.models import LogisticRegression
        >>> model = LogisticRegression(1, rngs=nnx.Rngs(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/0.npz", x=np.zeros(4), y=np.array([0, 0, 0, 1]))
        ...     shards = open_shards(folder, label="y")
        ...     found = stream_calibration(model, shards, progress=False)
        >>> calibration.summary(calibration.merge(found.state, found.state)).weight, found.skipped
        (Array(8., dtype=float32), ())
    """

    summary: CalibrationSummary
    state: CalibrationState
    skipped: tuple[Fault, ...]


def stream_calibration(
    model: nnx.Module,
    shards: ShardSet,
    *,
    bins: int = 15,
    cells: int = 3600,
    batch_size: int = 2**14,
    prefetch: int = 1,
    progress: bool = True,
) -> StreamCalibration:
    """Measure the calibration of a model on every row of some shards.

    Args:
        model: a Flax NNX module that maps inputs (n, d) to logits (n,); dropout is off and batch
            statistics are as they are.
        shards: from ``open_shards``; weights count.
        bins: number of bins of equal width; divides ``cells``.
        cells: of the state.
        batch_size: rows that go through the model at a time.
        prefetch: blocks to read ahead.
        progress: whether to show a bar (in a log: a line now and then) on standard error.

    Returns:
        The summary, the state and what was skipped.

    Raises:
        CorruptShardError: a block cannot be read, and is not to be skipped.
        ValueError: a value that cannot be used, named in one line; ``bins`` does not divide
            ``cells``; a count below 1.
        TypeError: the model is no ``nnx.Module``, shards no ``ShardSet``, or a count no integer.

    Warns:
        RuntimeWarning: something was skipped.

    Accuracy: that of ``bcejax.calibration.state``, whatever the number of rows
        (tests/training/test_measuring.py).

    Memory: that of the stream with blocks for windows (bcejax.data.streams), and of the model's
        values on a batch.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data.shards import open_shards
        >>> from bcejax.models import LogisticRegression
        >>> model = LogisticRegression(1, rngs=nnx.Rngs(0))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/0.npz", x=np.zeros(4), y=np.array([0, 0, 0, 1]))
        ...     shards = open_shards(folder, label="y")
        ...     found = stream_calibration(model, shards, progress=False)
        >>> found.summary.expected_calibration_error
        Array(0.25, dtype=float32)
    """
    check_count("batch_size", batch_size)
    if not isinstance(shards, ShardSet):
        raise TypeError(f"shards must be a ShardSet from open_shards, got {type(shards).__name__}")
    state = init_state(model)
    sums = calibration.init(cells, state.dtype)
    calibration.summary(sums, bins=bins)  # refuses bins now rather than after hours
    faults = {fault.name: fault for fault in shards.faults}
    size, done, blank = min(batch_size, shards.rows), 0, np.empty(0)
    pieces = read_batches(
        shards, size, seed=None, prefetch=prefetch, report=lambda f: faults.update({f.name: f})
    )
    with contextlib.closing(pieces), shown_progress(progress, 1) as show:
        for piece in pieces:
            n = len(piece.batch.labels)
            # waited for, so that no more than one batch is under way
            sums = jax.block_until_ready(_add(sums, state, filled(piece.batch, size), n))
            done += n
            show(done / shards.rows, Figures(blank, blank, None, None))
    skipped = tuple(faults.values())
    if skipped:
        warnings.warn(describe_skipped(skipped), RuntimeWarning, stacklevel=2)
    return StreamCalibration(calibration.summary(sums, bins=bins), sums, skipped)


@partial(jax.jit, donate_argnums=0)
def _add(
    sums: CalibrationState, state: TrainState, batch: Batch, count: jax.Array
) -> CalibrationState:
    """The sums with the first ``count`` rows of a batch."""
    labels, weights = cast_arrays((batch.labels, batch.weights), state.dtype)
    return calibration.update(
        sums,
        labels,
        logits=state.logits(batch.inputs),
        weights=weights,
        where=jnp.arange(len(labels)) < count,
    )
