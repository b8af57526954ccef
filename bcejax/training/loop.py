"""The host's side of a training run: chunks of epochs, and what is known after each.

Between calls the arrays of a run are a list: to take a small model apart and put it together again
takes longer than many of its steps.
"""

import dataclasses
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from bcejax.training.fingerprints import Fingerprint, fingerprint
from bcejax.training.interrupts import wait
from bcejax.training.orders import draw_order
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run, final_state, int32, run_epochs, start_run
from bcejax.training.records import Figures, History, Status, describe
from bcejax.training.sharding import largest, place, place_state
from bcejax.training.state import TrainState, first_state
from bcejax.training.stopping import EarlyStopping

_VISIT = 0.2  # seconds from one visit of the host to the next
_ROWS, _ENTRIES = 16, 2**20  # the most that the order of a chunk may hold: epochs, examples


@partial(jax.jit, static_argnums=1)
def _begin(state: TrainState, early_stopping: EarlyStopping | None) -> Run:
    return start_run(first_state(state), early_stopping)


@partial(jax.jit, static_argnames=("tree", "plan"), donate_argnames="leaves")
def _advance(  # type: ignore[no-untyped-def]
    leaves: list[jax.Array], data: Data, order, epochs, *, tree, plan: Plan
) -> tuple[list[jax.Array], jax.Array, Figures]:
    """``run_epochs`` of the run with these leaves; its epoch, best epoch and status once more."""
    run, figures = run_epochs(jax.tree.unflatten(tree, leaves), data, order, epochs, plan)
    best = int32(0) if run.best is None else run.best.epoch
    return jax.tree.leaves(run), jnp.stack([run.epoch, best, run.status]), figures


def _shape(array: jax.Array | np.ndarray, mesh: Mesh | None) -> jax.ShapeDtypeStruct:
    """The array without its numbers, and on one device without its place."""
    sharding = None if mesh is None else getattr(array, "sharding", NamedSharding(mesh, P()))
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)


class Loop:
    """A training run between visits: its arrays, its figures so far, its pace.

    Attributes:
        done: finished epochs.
        best_epoch: the one that early stopping found best, from 1; 0 without.
        status: ``RUNNING`` until an epoch ends the run.
    """

    def __init__(self, state: TrainState, data: Data, words: list[int], plan: Plan) -> None:
        self._data, self._words, self._plan = data, words, plan
        n = len(data.train.labels)
        self._n, self._rows = n, min(max(_ENTRIES // n, 1), _ROWS)
        # A first guess, of which only the order of magnitude matters: 20 us per step, and
        # 6 operations per example and parameter at 1e10 per second.
        params = sum(a.size for a in jax.tree.leaves(state.params))
        self._seconds = 2e-5 * n / plan.batch_size + 6e-10 * n * params
        blank = np.empty(0, data.train.labels.dtype)
        unseen = None if data.validation is None else blank
        self._chunks = [Figures(blank, blank, unseen, unseen)]
        self._take(place_state(_begin(state, plan.early_stopping), plan.mesh))
        self._restores = plan.early_stopping is not None and plan.early_stopping.restore_best
        self.done, self.best_epoch, self.status = 0, 0, Status.RUNNING

    def resume(self, run: Run, figures: Figures) -> None:
        """Go on from a checkpoint."""
        self._take(place_state(run, self._plan.mesh))
        self._chunks = [figures]
        self.done, self.status = int(run.epoch), Status(int(run.status))
        self.best_epoch = 0 if run.best is None else int(run.best.epoch)

    @property
    def run(self) -> Run:
        """All that the next epoch depends on."""
        run: Run = jax.tree.unflatten(self._tree, self._leaves)
        return run

    def _take(self, run: Run) -> None:
        self._leaves, self._tree = jax.tree.flatten(run)

    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with."""
        order = draw_order(self._words, 0, self._n)
        # Of one device, whatever the mesh: a run may go on elsewhere, and then to rounding.
        program = self.lowered(self._plan._replace(mesh=None))
        return fingerprint(self.run, self._data, self._plan, order, program.as_text())

    def lowered(self, plan: Plan | None = None) -> jax.stages.Lowered:
        """The program of a call, of another plan if given, ready to be compiled."""
        plan = plan or self._plan
        arrays = self._leaves, self._data, np.zeros((self._rows, self._n), np.int32), np.int32(1)
        shapes = jax.tree.map(partial(_shape, mesh=plan.mesh), arrays)
        return _advance.lower(*shapes, tree=self._tree, plan=plan)

    def advance(self, most: int, pressed: Callable[[], int]) -> bool:
        """Run the epochs until the next visit, ``most`` at most.

        Returns:
            False if a second Ctrl-C came: the arrays are then those of the epochs under way,
            and whoever looks at them waits.
        """
        count = self.agreed(min(most, self._rows, max(1, int(_VISIT / self._seconds))))
        order = np.zeros((self._rows, self._n), np.int32)
        for row in range(count):
            order[row] = draw_order(self._words, self.done + row, self._n)
        arrays = place((order, np.int32(count)), self._plan.mesh)
        start = time.perf_counter()
        leaves, reached, figures = _advance(
            self._leaves, self._data, *arrays, tree=self._tree, plan=self._plan
        )
        there = wait(reached, pressed)
        if there:
            reached.block_until_ready()  # raises what went wrong in the program
        self._leaves = leaves
        if not there:
            return False
        self._seconds = (time.perf_counter() - start) / count
        before = self.done
        self.done, self.best_epoch, status = np.asarray(reached).tolist()
        self.status = Status(status)
        self._chunks.append(jax.tree.map(lambda a: np.asarray(a)[: self.done - before], figures))
        return True

    @property
    def figures(self) -> Figures:
        """Of the finished epochs, as NumPy arrays."""
        if len(self._chunks) > 1:
            self._chunks = [jax.tree.map(lambda *parts: np.concatenate(parts), *self._chunks)]
        return self._chunks[0]

    @property
    def latest(self) -> Figures:
        """Of the epochs since the last visit."""
        return self._chunks[-1]

    def agreed(self, number: int) -> int:
        """The largest of the processes' numbers: clocks and keyboards must not part them."""
        return largest(number, self._plan.mesh)

    def ended(self, epochs: int) -> bool:
        """Whether nothing is left to do."""
        return self.done >= epochs or self.status != Status.RUNNING

    def end(self, epochs: int) -> tuple[TrainState | None, History]:
        """The state that the model is to take, None if there is none any more; the history."""
        status = self.status
        if status == Status.RUNNING:
            status = Status.FINISHED if self.ended(epochs) else Status.INTERRUPTED
        run, held = self.run, self.done
        state = run.state
        if status != Status.INTERRUPTED and self._restores:
            state, held = final_state(run), self.best_epoch
        history = History(*self.figures, self.done, self.best_epoch, status)
        history = dataclasses.replace(history, message=describe(history, held))
        # A call that failed after it took the arrays leaves none to hand over.
        lost = any(array.is_deleted() for array in jax.tree.leaves(state))
        return None if lost else state, history
