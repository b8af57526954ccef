"""What is trained, from where, in which order, and how often."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from bcejax.data import fit_standardizer, load_pima
from bcejax.training import epoch_order

RATE = 1e-3  # of Adam


class Task(NamedTuple):
    """A network with one hidden layer, and how it is trained."""

    columns: int
    hidden: int
    examples: int
    batch: int
    epochs: int

    @property
    def name(self) -> str:
        """In tables and flags."""
        return f"{self.columns}-{self.hidden}-1 on {self.examples:,}"


_TUTORIAL, _BIG, _TINY = (
    Task(8, 16, 768, 32, 10),
    Task(100, 256, 100_000, 1024, 5),
    Task(3, 4, 40, 16, 2),
)
TASKS = {task.name: task for task in (_TUTORIAL, _BIG, _TINY)}
TUTORIAL, BIG, TINY = TASKS


@dataclass(frozen=True)
class Config:
    """Which tasks, how often, and what is claimed."""

    tasks: tuple[str, ...] = (TUTORIAL, BIG)
    """Names of tasks."""
    peers: bool = True
    """Whether other libraries take part, each in a process of its own."""
    compiled: bool = False
    """Whether torch.compile does too, which takes half a minute to compile."""
    turns: int = 5
    """Turns that every way has."""
    calls: int = 1
    """Calls in a turn, after one that wakes the threads; more of those that take no time."""
    fresh: int = 3
    """Fresh interpreters for each way from the start of a process; 0 leaves them out."""
    examples: tuple[int, ...] = (1000, 4000, 16_000, 64_000)
    """Numbers of examples of the first curve."""
    widths: tuple[int, ...] = (64, 256, 1024, 4096)
    """Hidden units of the second curve."""
    claimed: float = 0.8
    """Share of the bars that is claimed, so that a busy machine passes; 0 judges no times."""
    seed: int = 0
    """Seed of all that is random."""


class Data(NamedTuple):
    """What every way is given."""

    inputs: np.ndarray  # (n, d) float32
    labels: np.ndarray  # (n,) float32
    layers: list[tuple[np.ndarray, np.ndarray]]  # kernel (in, out) and bias (out,) of each
    key: jax.Array  # of the orders
    orders: np.ndarray  # (epochs, n), as fit draws them


def draw(task: Task, seed: int) -> Data:
    """The patients where the task has their shape, else a logistic truth; parameters by Glorot."""
    rng = np.random.default_rng(seed)
    if task == _TUTORIAL:
        patients = load_pima().batch
        inputs, labels = fit_standardizer(patients.inputs)(patients.inputs), patients.labels
    else:
        inputs = rng.standard_normal((task.examples, task.columns), np.float32)
        labels = rng.random(task.examples) < 1 / (1 + np.exp(-2 * inputs[:, 0]))
    ends = ((task.columns, task.hidden), (task.hidden, 1))
    layers = [(_glorot(rng, *each), np.zeros(each[1], np.float32)) for each in ends]
    key = jax.random.key(seed)
    orders = np.stack([epoch_order(key, epoch, task.examples) for epoch in range(task.epochs)])
    rows, targets = np.asarray(inputs, np.float32), np.asarray(labels, np.float32)
    return Data(rows, targets, layers, key, orders)


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    r = np.sqrt(6 / (rows + columns))
    return rng.uniform(-r, r, (rows, columns)).astype(np.float32)
