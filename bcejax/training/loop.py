"""The host's side of a training run: chunks of epochs, and what is known after each.

Between calls the arrays of a run are a list: to take a small model apart and put it together again
takes longer than many of its steps.
"""

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.training.fingerprints import Fingerprint, digest, fingerprint
from bcejax.training.garbage import left_lying
from bcejax.training.interrupts import wait
from bcejax.training.orders import draw_order
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run, int32, run_epochs
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import place, place_state, shaped
from bcejax.training.single import SingleTraining, begin
from bcejax.training.state import TrainState

_VISIT = 0.2  # seconds from one visit of the host to the next
_ROWS, _ENTRIES = 16, 2**20  # the most that the order of a chunk may hold: epochs, examples


@partial(jax.jit, static_argnames=("tree", "plan"), donate_argnames="leaves")
def _advance(  # type: ignore[no-untyped-def]
    leaves: list[jax.Array], data: Data, order, epochs, *, tree, plan: Plan
) -> tuple[list[jax.Array], jax.Array, Figures]:
    """``run_epochs`` of the run with these leaves; its epoch, best epoch and status once more."""
    run, figures = run_epochs(jax.tree.unflatten(tree, leaves), data, order, epochs, plan)
    best = int32(0) if run.best is None else run.best.epoch
    return jax.tree.leaves(run), jnp.stack([run.epoch, best, run.status]), figures


class Loop(SingleTraining):
    """A training run on arrays between visits: also its pace."""

    def __init__(self, state: TrainState, data: Data, words: list[int], plan: Plan) -> None:
        super().__init__(data.train.labels.dtype, plan, data.validation is not None)
        self._data, self._words = data, words
        n = len(data.train.labels)
        self._n, self._rows = n, min(max(_ENTRIES // n, 1), _ROWS)
        # A first guess, of which only the order of magnitude matters: 20 us per step, and
        # 6 operations per example and parameter at 1e10 per second.
        params = sum(map(np.size, jax.tree.leaves(state.params)))
        self._seconds = 2e-5 * n / plan.batch_size + 6e-10 * n * params
        self._take(place_state(begin(state, plan.early_stopping), plan.mesh))

    def resume(self, saved: Run, figures: Figures) -> None:
        """Go on from a checkpoint."""
        self._take(place_state(saved, self._plan.mesh))
        self._chunks = [figures]
        self.look(saved)

    @property
    def run(self) -> Run:
        """All that the next epoch depends on."""
        run: Run = jax.tree.unflatten(self._tree, self._leaves)
        return run

    def _take(self, run: Run) -> None:
        self._leaves, self._tree = jax.tree.flatten(run)

    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with."""
        key = digest(draw_order(self._words, 0, self._n))
        # Of one device, whatever the mesh: a run may go on elsewhere, and then to rounding.
        program = self.lowered(self._plan._replace(mesh=None))
        return fingerprint(self.run, *self._data, self._plan, key, program)

    def lowered(self, plan: Plan | None = None) -> jax.stages.Lowered:
        """The program of a call, of another plan if given, ready to be compiled."""
        plan = plan or self._plan
        arrays = self._leaves, self._data, np.zeros((self._rows, self._n), np.int32), np.int32(1)
        shapes = jax.tree.map(partial(shaped, mesh=plan.mesh), arrays)
        return _advance.lower(*shapes, tree=self._tree, plan=plan)

    def advance(self, most: int, pressed: Callable[[], int]) -> bool:
        """Run the epochs until the next visit, ``most`` at most."""
        count = self.agreed(min(most, self._rows, max(1, int(_VISIT / self._seconds))))
        order = np.zeros((self._rows, self._n), np.int32)
        for row in range(count):
            order[row] = draw_order(self._words, self.done + row, self._n)
        arrays = place((order, np.int32(count)), self._plan.mesh)
        start = time.perf_counter()
        with left_lying():
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
    def progress(self) -> tuple[float, Figures]:
        """Finished epochs, and the figures of those since the last visit."""
        return self.done, self._chunks[-1]

    def saved(self) -> tuple[Run, Figures]:
        """What a checkpoint is to hold."""
        return self.run, self.figures
