"""Which problems, and how long and at which rates first-order methods go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bcejax.data import Batch, fit_standardizer, load_breast_cancer, load_pima, load_spambase, split

RECIPE = 10  # epochs of a usual first try, with Adam at its usual rate
ADAM_RATE = 1e-3


@dataclass(frozen=True)
class Config:
    """What to minimise, and for how long."""

    problems: tuple[str, ...] = ("pima", "breast_cancer", "spambase", "ill_conditioned")
    """Data; columns are standardised, but for the synthetic one."""
    epochs: int = 100
    """Passes of the first-order methods."""
    rates: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    """Learning rates of Adam and SGD."""
    batch_size: int = 32
    """Rows in a step of these."""
    repeats: int = 3
    """Warm runs of which the median time is taken."""
    seed: int = 0
    """Seed of the split, the orders and the synthetic rows."""


class Task(NamedTuple):
    """A convex problem, and rows that were held out."""

    train: Batch
    held_out: Batch
    l2: float


def ill_conditioned(seed: int) -> Batch:
    """4000 rows, 20 columns that share one direction, of sizes from 1 to 30."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((4000, 1))
    inputs = shared + 0.3 * rng.standard_normal((4000, 20))
    logits = inputs @ rng.standard_normal(20) / 2
    labels = (rng.random(4000) < 1 / (1 + np.exp(-logits))).astype(float)
    return Batch(inputs * np.geomspace(1, 30, 20), labels)


_REAL: dict[str, tuple[Callable, float]] = {
    "pima": (load_pima, 0.0),
    "breast_cancer": (load_breast_cancer, 1e-3),
    "spambase": (load_spambase, 1e-4),
}


def task_of(name: str, config: Config) -> Task:
    """A problem by name, in float64."""
    if name == "ill_conditioned":
        batch, l2 = ill_conditioned(config.seed), 0.0
    else:
        load, l2 = _REAL[name]
        batch = load().batch
    parts = split(batch, validation=0.25, seed=config.seed)
    if name == "ill_conditioned":
        return Task(*parts, l2)
    scaled = fit_standardizer(parts.train.inputs)
    train, held_out = (
        Batch(np.asarray(scaled(part.inputs), float), np.asarray(part.labels, float))
        for part in parts
    )
    return Task(train, held_out, l2)
