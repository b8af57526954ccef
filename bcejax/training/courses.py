"""The host's side of training on a stream: which rows come next, and what is known so far.

Between ``settle`` and ``take`` nothing is under way: the arrays are those after the rows before
``place``, and a checkpoint of both goes on as if nothing had been.
"""

import dataclasses
import json
from collections.abc import Callable, Generator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from bcejax.data import Batch
from bcejax.data.shards import Fault, ShardSet
from bcejax.data.streams import Piece, Position, read_batches
from bcejax.data.windows import Block, plan_windows, window_rows
from bcejax.training.blocks import StreamRun, advance, blocked, filled, judge, no_sums, start_stream
from bcejax.training.fingerprints import Fingerprint, digest, digest_batch
from bcejax.training.interrupts import wait
from bcejax.training.records import Figures, Status
from bcejax.training.state import TrainState

_NUMBERS = 2**20  # inputs of a block: enough steps that starting them costs nothing


class Manner(NamedTuple):
    """How a stream is read."""

    words: list[int]  # of the key
    batch_size: int
    window: int | None
    prefetch: int


@struct.dataclass
class Saved:
    """What a checkpoint holds.

    Attributes:
        run: the arrays.
        place: (4,), int32: blocks so far, the number of the checkpoint; epoch; window; row.
        skipped: the faults so far, as JSON in UTF-8.
    """

    run: StreamRun
    place: jax.Array
    skipped: jax.Array

    @property
    def epoch(self) -> jax.Array:
        """What the checkpoint is named after: the number of blocks."""
        return self.place[0]


class Course:
    """A training run on shards, between blocks.

    Attributes:
        run: its arrays.
        epoch: how many are finished.
        position: in the epoch under way, behind the rows that ``run`` has seen or is seeing.
        blocks: so far.
        skipped: what could not be read, by name.
        status: as ``settle`` found it.
    """

    def __init__(
        self, state: TrainState, shards: ShardSet, validation: Batch | None, manner: Manner
    ) -> None:
        self._shards, self._validation, self._manner = shards, validation, manner
        most = max(1, shards.rows // manner.batch_size)
        wished = _NUMBERS // (manner.batch_size * len(shards.features))
        self._batches = min(most, max(1, wished))
        self._columns: list[np.ndarray] = []  # figures of each finished epoch
        self._rows, self._total = 0, shards.rows
        self.run = start_stream(state)
        self.epoch, self.position, self.blocks = 0, Position(), 0
        self.skipped = {fault.name: fault for fault in shards.faults}
        self.status = Status.RUNNING

    def pieces(self) -> Generator[Piece]:
        """The rest of the epoch, a block at a time."""
        manner = self._manner
        return read_batches(
            self._shards,
            manner.batch_size * self._batches,
            seed=manner.words,
            epoch=self.epoch,
            window=manner.window,
            start=self.position,
            prefetch=manner.prefetch,
            report=lambda fault: self.skipped.update({fault.name: fault}),
        )

    def take(self, piece: Piece) -> None:
        """Start on a block: full batches together, the rows that are left by themselves."""
        size, n = self._manner.batch_size, len(piece.batch.labels)
        full, rest = divmod(n, size)
        if full:
            batches = jax.tree.map(lambda array: array[: full * size], piece.batch)
            batches = filled(batches, self._batches * size)
            self.run = advance(self.run, blocked(batches, size), np.int32(full))
        if rest:
            last = jax.tree.map(lambda array: array[full * size :], piece.batch)
            self.run = advance(self.run, blocked(last, rest), np.int32(1))
        self.position, self.blocks, self._rows = piece.position, self.blocks + 1, self._rows + n

    def settle(self, pressed: Callable[[], int]) -> bool:
        """Wait for the block under way; whether training can go on."""
        if not wait(self.run.status, pressed):
            return False
        self.status = Status(int(self.run.status))
        return self.status == Status.RUNNING

    def finish_epoch(self) -> None:
        """Take the figures of an epoch whose rows are all seen; the next one begins."""
        state, judged = self.run.state, self._validation
        unseen = (np.nan, np.nan)
        seen = unseen if judged is None else map(float, judge(state, judged))
        self._columns.append(np.array([*self._means(), *seen]))
        self.run = dataclasses.replace(self.run, sums=no_sums(state.dtype))
        self.epoch, self.position, self._rows = self.epoch + 1, Position(), 0

    def arrays(self) -> TrainState | None:
        """The state that the model is to take; None if a call that failed left none."""
        lost = any(array.is_deleted() for array in jax.tree.leaves(self.run))
        return None if lost else self.run.state

    @property
    def progress(self) -> tuple[float, Figures]:
        """Epochs so far, and the figures of the one under way."""
        share = min(self._rows / self._total, 1.0)
        latest = [*self._means(), np.nan, np.nan] if share else self._columns[-1]
        return self.epoch + share, self._figures([np.array(latest)])

    def figures(self) -> Figures:
        """Of the finished epochs."""
        return self._figures(self._columns)

    def save(self) -> tuple[Saved, Figures]:
        """What a checkpoint is to hold; a last entry of the figures is no epoch's."""
        place = np.array([self.blocks, self.epoch, *self.position], np.int32)
        text = json.dumps(list(self.skipped.values())).encode()
        blank = np.full(4, np.nan)
        figures = self._figures([*self._columns, blank])
        skipped = np.frombuffer(text, np.uint8)
        return Saved(self.run, jnp.asarray(place), jnp.asarray(skipped)), figures

    def resume(self, saved: Saved, figures: Figures) -> None:
        """Go on from a checkpoint."""
        self.run = saved.run
        self.blocks, self.epoch, *position = (int(each) for each in saved.place)
        self.position = Position(*position)
        for fault in json.loads(np.asarray(saved.skipped).tobytes()):
            self.skipped[fault[0]] = Fault(*fault)
        columns = [np.full(len(figures.loss), np.nan) if c is None else c for c in figures]
        self._columns = list(np.stack(columns, axis=1)[: self.epoch])
        before = self._windows()[: self.position.window]
        self._rows = self.position.row + sum(s.blocks[b] for window in before for s, b in window)

    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with, part by part."""
        shards, manner, state = self._shards, self._manner, self.run.state
        files = [f"{each.path.name} {each.size} {each.blocks}" for each in shards.shards]
        order = [
            f"{each.path.name} {block}" for window in self._windows() for each, block in window
        ]
        drawn = np.random.default_rng(manner.words).permutation(100)
        program = advance.lower(self.run, self._block(), np.int32(1)).as_text()
        return {
            "model": f"{sum(a.size for a in jax.tree.leaves(state.params))} parameters",
            "training set": f"{shards.rows} examples ({digest(*files, *shards.columns)})",
            "validation set": None if self._validation is None else digest_batch(self._validation),
            "batch_size": manner.batch_size,
            "window": window_rows(shards, manner.window),
            "key": digest(*order, drawn),
            "jax": jax.__version__,
            "program of model, optimizer and loss": digest(program),
        }

    def _windows(self) -> list[list[Block]]:
        manner = self._manner
        return plan_windows(self._shards, seed=manner.words, epoch=self.epoch, window=manner.window)

    def _block(self) -> Batch:
        """The shape of a block."""
        shards, shape = self._shards, (self._batches, self._manner.batch_size)
        column = jax.ShapeDtypeStruct(shape, shards.dtype)
        inputs = jax.ShapeDtypeStruct((*shape, len(shards.features)), shards.dtype)
        return Batch(inputs, column, None if shards.weights is None else column)  # type: ignore

    def _means(self) -> tuple[float, float]:
        """Loss and accuracy of the epoch under way; 0 where nothing counts."""
        high, low = (np.asarray(part, np.float64) for part in self.run.sums)
        loss, hits, weight = (high + low).tolist()
        return loss / (weight or 1), hits / (weight or 1)

    def _figures(self, rows: list[np.ndarray]) -> Figures:
        """Of epochs, each a row (4,)."""
        columns = np.array(rows, self.run.state.dtype).reshape(-1, 4).T
        loss, accuracy, *judged = columns
        return Figures(loss, accuracy, *(judged if self._validation is not None else (None, None)))
