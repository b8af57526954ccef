"""The host's side of training many models: chunks of epochs, and the history of each model."""

import time

import jax
import numpy as np
from jax.sharding import Mesh

from bcejax.training.ensembles.members import advance_members
from bcejax.training.interrupts import wait
from bcejax.training.orders import draw_order
from bcejax.training.passes import Data
from bcejax.training.program import Plan, Run
from bcejax.training.progress import Show
from bcejax.training.records import Figures, Status

_VISIT = 0.2  # seconds from one visit of the host to the next
_ROWS, _ENTRIES = 64, 2**18  # the most that the orders of a chunk hold: epochs, places


def train_members(
    runs: Run,
    weights: jax.Array | None,
    data: Data,
    words: list[list[int]],
    plan: Plan,
    mesh: Mesh,
    epochs: int,
    show: Show,
) -> tuple[Run, Figures]:
    """The runs when every model has ended, and the figures (m, epochs) of all.

    Args:
        runs: before the first epoch; consumed.
        weights: (m, n) in place of the training weights, or None.
        data: for all.
        words: the words of the keys of the orders: of one, or of each model.
        plan: what is compiled in.
        mesh: as the runs lie.
        epochs: how many, at most.
        show: what to tell the mean figures to.
    """
    n = len(data.train.labels)
    rows = min(max(_ENTRIES // (n * len(words)), 1), _ROWS)
    seconds = _guess(runs, n, plan.batch_size, mesh.size)
    blank = np.empty((len(runs.epoch), 0), data.train.labels.dtype)
    unseen = None if data.validation is None else blank
    chunks = [Figures(blank, blank, unseen, unseen)]

    def draw(first: int, most: int) -> tuple[int, np.ndarray]:
        count = min(epochs - first, most, max(1, int(_VISIT / seconds)))
        return count, _orders(words, first, count, rows, n)

    first, running = 0, True
    count, order = draw(first, rows if len(words) == 1 else -(-rows // 4))
    while running and count:
        start = time.perf_counter()
        runs, figures = advance_members(
            runs, weights, data, order, np.int32(count), plan=plan, mesh=mesh
        )
        upcoming = draw(first + count, rows)  # while the devices work
        if count == 1:  # maybe a long one: wait asleep in Python, where Ctrl-C is heard
            wait(runs.epoch, lambda: 0)
        done, status, figures = jax.device_get((runs.epoch, runs.status, figures))
        seconds = (time.perf_counter() - start) / count
        last, running = int(done.max()), bool((status == Status.RUNNING).any())
        chunks.append(jax.tree.map(lambda column, ran=last - first: column[:, :ran], figures))
        there = done == last
        show(last, jax.tree.map(lambda column, there=there: column[there].mean(0), chunks[-1]))
        first, (count, order) = first + count, upcoming
    return runs, jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *chunks)


def _orders(words: list[list[int]], first: int, count: int, rows: int, n: int) -> np.ndarray:
    """The orders of some epochs, for all models (rows, n) or for each (rows, m, n)."""
    orders = np.zeros((rows, len(words), n), np.int32)
    for row in range(count):
        for place, each in enumerate(words):
            orders[row, place] = draw_order(each, first + row, n)
    return orders if len(words) > 1 else orders[:, 0]


def _guess(runs: Run, n: int, batch_size: int, devices: int) -> float:
    """Seconds of the first epoch, of which only the order of magnitude matters; see ``Loop``."""
    params = sum(a.size for a in jax.tree.leaves(runs.state.params))
    return 4e-5 * n / batch_size + 6e-10 * n * params / devices
