"""The host's side of training many models: chunks of epochs, and the history of each model."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from bcejax.training.ensembles.members import (
    ALIKE,
    AXIS,
    MODELS,
    advance_members,
    places_of,
    program_on,
)
from bcejax.training.fingerprints import Fingerprint, digest, fingerprint
from bcejax.training.interrupts import wait
from bcejax.training.orders import draw_order
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import shaped
from bcejax.training.stopping import Tree
from bcejax.training.visits import Training

_VISIT = 0.2  # seconds from one visit of the host to the next
_ROWS, _ENTRIES = 64, 2**18  # the most that the orders of a chunk hold: epochs, places


class Differences(NamedTuple):
    """What differs from model to model, but for their starts.

    Attributes:
        words: of the keys of the orders: of one for all, or of each model.
        rates: (n_models,) learning rates, or None.
        weights: (n_models, n) in place of the training weights, or None.
    """

    words: list[list[int]]
    rates: np.ndarray | None
    weights: np.ndarray | None


class Members(Training):
    """The training of many models between visits; it ends when each of them has.

    Attributes:
        runs: of the models, by their places on the devices, some of the last one twice.
    """

    def __init__(
        self,
        runs: Run,
        data: Data,
        differences: Differences,
        n_models: int,
        plan: Plan,
        mesh: Mesh,
        epochs: int,
    ) -> None:
        super().__init__(mesh)
        self._mesh = mesh
        self.runs, self._differences, self._plan = runs, differences, plan
        self._places, self._n_models = places_of(n_models, mesh), n_models
        self._epochs = epochs
        self._data = jax.tree.map(self._everywhere, data)
        self._weights = self._shared_out(differences.weights)
        self._n, words = len(data.train.labels), differences.words
        self._rows = min(max(_ENTRIES // (self._n * len(words)), 1), _ROWS)
        self._seconds = _guess(runs, self._n, plan.batch_size, mesh.size)
        blank = np.empty((len(self._places), 0), data.train.labels.dtype)
        unseen = None if data.validation is None else blank
        self._chunks = [Figures(blank, blank, unseen, unseen)]
        self._done = np.zeros(len(self._places), int)
        self._draw(0, self._rows if len(words) == 1 else -(-self._rows // 4))

    @property
    def progress(self) -> tuple[float, Figures]:
        """Epochs of the models that have come furthest, and their mean figures."""
        columns, there = self._chunks[-1], self._done == self.done
        return self.done, jax.tree.map(lambda column: column[there].mean(0), columns)

    def figures(self) -> Figures:
        """Of each model and epoch, (n_models, epochs)."""
        columns = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *self._chunks)
        return jax.tree.map(lambda column: column[: self._n_models], columns)

    def saved(self) -> tuple[Run, Figures]:
        """What a checkpoint is to hold: each model once, so that other devices can go on."""
        return self.each(), self.figures()

    def each(self) -> Run:
        """The run of each model."""
        if len(self._places) == self._n_models:
            return self.runs
        return jax.tree.map(lambda array: array[: self._n_models], self.runs)

    def resume(self, saved: Run, figures: Figures) -> None:
        """Go on from a checkpoint."""
        self.runs = self._shared_out(saved)
        self._chunks = [jax.tree.map(lambda column: column[self._places], figures)]
        self._look(*jax.device_get((self.runs.epoch, self.runs.status)))
        self._draw(self.done)

    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with."""
        words, rates, weights = self._differences
        key = digest(np.array(words), draw_order(words[0], 0, self._n))
        # Of one device, whatever the mesh: a run may go on elsewhere, and then to rounding.
        order = self._order if self._order.ndim == 2 else self._order[:, : self._n_models]
        arrays = self.each(), weights, self._data, order, np.int32(1)
        program = program_on(self._mesh).lower(
            *jax.tree.map(partial(shaped, mesh=None), arrays),
            plan=self._plan,
            mesh=Mesh(self._mesh.devices[:1], (AXIS,)),
        )
        differences = {
            "n_models": self._n_models,
            "learning_rates": None if rates is None else digest(rates),
            "weights": None if weights is None else digest(weights),
        }
        train, validation = self._data
        return differences | fingerprint(self.each(), train, validation, self._plan, key, program)

    def advance(self, most: int, pressed: Callable[[], int]) -> bool:
        """Run the epochs until the next visit, ``most`` at most."""
        count, first, start = min(self._count, most), self.done, time.perf_counter()
        self.runs, figures = advance_members(
            self.runs,
            self._weights,
            self._data,
            self._order,
            np.int32(count),
            plan=self._plan,
            mesh=self._mesh,
        )
        self._draw(first + count)  # while the devices work
        # Maybe a long one: wait asleep in Python, where Ctrl-C is heard.
        if not wait(self.runs.epoch, pressed, asleep=True):
            return False
        done, status, figures = jax.device_get((self.runs.epoch, self.runs.status, figures))
        self._seconds = (time.perf_counter() - start) / count
        self._look(done, status)
        ran = self.done - first
        self._chunks.append(jax.tree.map(lambda column: column[:, :ran], figures))
        return True

    def _look(self, done: np.ndarray, status: np.ndarray) -> None:
        self._done, self.done = done, int(done.max())
        self.status = Status.RUNNING if (status == Status.RUNNING).any() else Status.FINISHED

    def _everywhere(self, array: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
        """Whole on each device, once; small arrays wait for the call of the program (``place``)."""
        if isinstance(array, np.ndarray):
            return array
        return jax.device_put(array, NamedSharding(self._mesh, ALIKE))

    def _shared_out(self, tree: Tree) -> Tree:
        """Arrays of each model, by their places on the devices."""
        sharding = NamedSharding(self._mesh, MODELS)
        return jax.tree.map(lambda array: jax.device_put(array[self._places], sharding), tree)

    def _draw(self, first: int, most: int | None = None) -> None:
        """The orders of the next epochs, (rows, n) for all or (rows, m, n), and how many."""
        paced = max(1, int(_VISIT / self._seconds))
        self._count = min(self._epochs - first, most or self._rows, paced)
        words = self._differences.words
        orders = np.zeros((self._rows, len(words), self._n), np.int32)
        for row in range(self._count):
            for place, each in enumerate(words):
                orders[row, place] = draw_order(each, first + row, self._n)
        self._order = orders[:, 0] if len(words) == 1 else orders[:, self._places]


def _guess(runs: Run, n: int, batch_size: int, devices: int) -> float:
    """Seconds of the first epoch, of which only the order of magnitude matters; see ``Loop``."""
    params = sum(a.size for a in jax.tree.leaves(runs.state.params))
    return 4e-5 * n / batch_size + 6e-10 * n * params / devices
