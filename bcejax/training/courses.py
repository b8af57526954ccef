"""The host's side of training on a stream: which rows come next, and what is known so far.

While a block is under way the next one is read.  Between visits nothing is under way: the arrays
are those after the rows before ``position``, and a checkpoint of both goes on as if nothing had
been.  What cannot be read ends the run at its next visit, so that what was learnt before is kept.
"""

import contextlib
import json
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from bcejax.data import Batch
from bcejax.data.layouts import CorruptShardError
from bcejax.data.shards import Fault, ShardSet
from bcejax.data.streams import Piece, Position, read_batches
from bcejax.data.windows import Block, plan_windows, window_rows
from bcejax.training.blocks import StreamRun, advance, blocked, filled, finish, judge, start_stream
from bcejax.training.fingerprints import Fingerprint, digest, fingerprint
from bcejax.training.interrupts import wait
from bcejax.training.program import Plan, Run
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import check_alike, place, place_state, shaped
from bcejax.training.single import SingleTraining, begin
from bcejax.training.state import TrainState

_NUMBERS = 2**20  # inputs of a block: enough steps that starting them costs nothing


class Reading(NamedTuple):
    """How a stream is read."""

    words: list[int]  # of the key
    window: int | None
    prefetch: int


@struct.dataclass
class Saved:
    """What a checkpoint holds.

    Attributes:
        stream: the arrays.
        place: (3,), int32: blocks so far; window and row in the epoch under way.
        skipped: the faults so far, as JSON in UTF-8.
    """

    stream: StreamRun
    place: jax.Array
    skipped: jax.Array


class Course(SingleTraining):
    """A training run on shards, between blocks.

    Attributes:
        position: in the epoch under way, behind the rows that the run has seen or is seeing.
        skipped: what could not be read and was passed over, by name.
        error: what could not be read and ended the run, or None.
    """

    def __init__(
        self,
        state: TrainState,
        shards: ShardSet,
        validation: Batch | ShardSet | None,
        reading: Reading,
        plan: Plan,
    ) -> None:
        super().__init__(state.dtype, plan, validation is not None)
        self._shards, self._validation, self._reading = shards, validation, reading
        most = max(1, shards.rows // plan.batch_size)
        wished = _NUMBERS // (plan.batch_size * len(shards.features))
        self._batches = min(most, max(1, wished))
        self._stream = place_state(start_stream(begin(state, plan.early_stopping)), plan.mesh)
        self._pieces: Generator[Piece] | None = None
        self._next: Piece | None = None
        self._rows, self._blocks, self._step = 0, 0, 0
        self.position = Position()
        self.error: Exception | None = None
        sets = [each for each in (shards, validation) if isinstance(each, ShardSet)]
        self.skipped = {fault.name: fault for each in sets for fault in each.faults}

    @property
    def run(self) -> Run:
        """All that the next block depends on, but for the sums of the epoch."""
        return self._stream.run

    @property
    def number(self) -> int:
        """Blocks so far."""
        return self._blocks

    @property
    def progress(self) -> tuple[float, Figures]:
        """Epochs so far, and the figures of the one under way."""
        if self.position == Position():
            return self.done, self._chunks[-1]
        loss, accuracy = self._means()
        share = min(self._rows / self._shards.rows, 1.0)
        return self.done + share, Figures(np.array([loss]), np.array([accuracy]), None, None)

    def ended(self, epochs: int) -> bool:
        """Whether nothing is left to do, or it cannot be done."""
        return super().ended(epochs) or self.error is not None

    def step(self) -> int | None:
        """The step that the run has come to; None where that is the end of an epoch."""
        within = self.position != Position() or self.status == Status.DIVERGED
        return self._step if within else None

    def close(self) -> None:
        """Stop reading."""
        if self._pieces is not None:
            self._pieces.close()

    def advance(self, most: int, pressed: Callable[[], int]) -> bool:
        """A block of batches, and what ends an epoch where it is the last one."""
        if self._pieces is None:
            words, window, _ = self._reading
            self._pieces = self._read(
                self._shards, seed=words, epoch=self.done, window=window, start=self.position
            )
            self._next = self._read_from(self._pieces)
            self._agree(self._next)
        if self._next is not None:
            self._take(self._next)
            self._next = self._read_from(self._pieces)  # while the block is under way
            if not wait(self.run.status, pressed):
                return False
            self._agree(self._next)
            self.look(self.run)
            self._step = int(self.run.state.step)
        if self._next is None and not self.ended(self.done + 1):
            self._end_epoch(pressed)
        return True

    def _read(self, shards: ShardSet, **order: Any) -> Generator[Piece]:
        """An epoch of some shards, or the rest of it, a block at a time."""
        return read_batches(
            shards,
            self._plan.batch_size * self._batches,
            prefetch=self._reading.prefetch,
            report=lambda fault: self.skipped.update({fault.name: fault}),
            **order,
        )

    def _read_from(self, pieces: Iterator[Piece]) -> Piece | None:
        """The next piece; None at the end, or where something cannot be read."""
        try:
            return next(pieces, None)
        except Exception as error:
            self.error = error
            return None

    def _agree(self, piece: Piece | None) -> None:
        """Refuse to go on where processes have read something else."""
        seen = f"{self.error!r} {piece and (piece.position, len(piece.batch.labels))}"
        try:
            check_alike({"what is read of the shards": seen}, self.mesh)
        except ValueError as parted:
            raise self.error or parted from None

    def _take(self, piece: Piece) -> None:
        """Start on a block: full batches together, the rows that are left by themselves."""
        size, n = self._plan.batch_size, len(piece.batch.labels)
        full, rest = divmod(n, size)
        if full:
            batches = jax.tree.map(lambda array: array[: full * size], piece.batch)
            self._start(blocked(filled(batches, self._batches * size), size), full)
        if rest:
            last = jax.tree.map(lambda array: array[full * size :], piece.batch)
            self._start(blocked(last, rest), 1)
        self.position, self._blocks, self._rows = piece.position, self._blocks + 1, self._rows + n

    def _start(self, block: Batch, count: int) -> None:
        arrays = place((block, np.int32(count)), self.mesh)
        self._stream = advance(self._stream, *arrays, mesh=self.mesh)
        self._step += count

    def _end_epoch(self, pressed: Callable[[], int]) -> None:
        """Take the figures of an epoch whose rows are all seen; the next one begins."""
        if self.position == Position():
            self.error = CorruptShardError("no row of the shards can be read")
            return
        judged = self._judge(pressed)
        if judged is None:
            return
        dtype, before = self.run.state.dtype, self.done
        figures = Figures(*jax.tree.map(dtype.type, (*self._means(), *judged)))
        self._stream = finish(self._stream, place(figures, self.mesh), plan=self._plan)
        self.look(self.run)
        if self.done > before:
            self._chunks.append(jax.tree.map(lambda figure: np.array([figure]), figures))
            self.position, self._rows, self._pieces = Position(), 0, None

    def _judge(self, pressed: Callable[[], int]) -> tuple[float | None, ...] | None:
        """Loss and accuracy on the validation set, if any; None if Ctrl-C or an error comes."""
        if self._validation is None:
            return None, None
        sums = np.zeros(3)
        with contextlib.closing(self._judged()) as batches:
            for batch in batches:
                if self.agreed(pressed()):
                    return None
                sums += np.asarray(judge(self.run.state, batch, self.mesh), np.float64)
        return _means(sums) if self.error is None else None

    def _judged(self) -> Generator[Batch]:
        """The validation set, a piece at a time."""
        if isinstance(self._validation, Batch):
            yield self._validation
        if not isinstance(self._validation, ShardSet):
            return
        with contextlib.closing(self._read(self._validation, seed=None)) as pieces:
            piece = self._read_from(pieces)
            if piece is None and self.error is None:
                self.error = CorruptShardError("no row of the validation shards can be read")
            self._agree(piece)
            while piece is not None:
                yield place(piece.batch, self.mesh)
                piece = self._read_from(pieces)
                self._agree(piece)

    def saved(self) -> tuple[Saved, Figures]:
        """What a checkpoint is to hold; a last entry of the figures is no epoch's."""
        place = np.array([self._blocks, *self.position], np.int32)
        text = json.dumps(list(self.skipped.values())).encode()
        skipped = np.frombuffer(text, np.uint8)
        figures = jax.tree.map(lambda column: np.pad(column, (0, 1)), self.figures)
        return Saved(self._stream, jnp.asarray(place), jnp.asarray(skipped)), figures

    def resume(self, saved: Saved, figures: Figures) -> None:
        """Go on from a checkpoint."""
        self.look(saved.stream.run)
        self._step = int(saved.stream.run.state.step)
        self._stream = place_state(saved.stream, self.mesh)
        self._chunks = [jax.tree.map(lambda column: column[: self.done], figures)]
        self._blocks, *position = (int(each) for each in saved.place)
        self.position = Position(*position)
        for fault in json.loads(np.asarray(saved.skipped).tobytes()):
            self.skipped[fault[0]] = Fault(*fault)
        before = self._windows()[: self.position.window]
        self._rows = self.position.row + sum(s.blocks[b] for window in before for s, b in window)

    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with, part by part."""
        shards, reading = self._shards, self._reading
        order = [
            f"{each.path.name} {block}" for window in self._windows() for each, block in window
        ]
        key = digest(*order, np.random.default_rng(reading.words).permutation(100))
        # Of one device, whatever the mesh: a run may go on elsewhere, and then to rounding.
        shapes = jax.tree.map(partial(shaped, mesh=None), self._stream)
        program = advance.lower(shapes, self._block(), np.int32(1))
        return {"window": window_rows(shards, reading.window)} | fingerprint(
            self.run, shards, self._validation, self._plan, key, program
        )

    def _windows(self) -> list[list[Block]]:
        words, window, _ = self._reading
        return plan_windows(self._shards, seed=words, epoch=self.done, window=window)

    def _block(self) -> Batch:
        """The shape of a block."""
        shards, shape = self._shards, (self._batches, self._plan.batch_size)
        column = jax.ShapeDtypeStruct(shape, shards.dtype)
        inputs = jax.ShapeDtypeStruct((*shape, len(shards.features)), shards.dtype)
        return Batch(inputs, column, None if shards.weights is None else column)  # type: ignore

    def _means(self) -> tuple[float, float]:
        """Loss and accuracy of the epoch under way."""
        high, low = (np.asarray(part, np.float64) for part in self._stream.sums)
        return _means(high + low)


def _means(sums: np.ndarray) -> tuple[float, float]:
    """Loss and accuracy; 0 where nothing counts."""
    loss, hits, weight = sums.tolist()
    return loss / (weight or 1), hits / (weight or 1)
