"""What is timed: the tasks, each a problem that every program solves, and how often."""

from dataclasses import dataclass
from typing import NamedTuple

L2, L1, BOOTSTRAP, PATH, COLD = "L2", "L1", "bootstrap", "path", "cold"
ALIGNED, DRAWN = "aligned", "draws included"  # ways of ours beside the plain one
MIN_SIZES = 2  # that have an exponent
TOLERANCE = 1e-8  # of the gradient, largest component, that every program is asked for


class Task(NamedTuple):
    """Logistic regressions to fit, and what the project aims at."""

    kind: str
    examples: int
    columns: int
    aim: float  # the best peer's time over ours
    of_largest: float = 0.0  # l1, as a share of the least that makes all coefficients 0
    models: int = 1  # resamples; penalties of each fold
    correlation: float = 0.0  # of neighbouring columns
    aim_aligned: float | None = None  # the same from memory that JAX takes without a copy
    reached: float = 1.0  # share of the aim that is claimed, where it is not reached

    @property
    def intercept(self) -> bool:
        """Single fits have none, since LIBLINEAR would penalise it."""
        return self.kind in {BOOTSTRAP, PATH, COLD}

    @property
    def name(self) -> str:
        """In tables and flags."""
        shape = f"{_short(self.examples)} x {_short(self.columns)}"
        penalty = f", l1 {self.of_largest:g} of the largest" if self.kind == L1 else ""
        return {
            BOOTSTRAP: f"{self.models} resamples of {shape}",
            PATH: f"{self.models} penalties by {FOLDS} folds of {shape}",
            COLD: f"cold fit of {shape}",
        }.get(self.kind, f"{self.kind} {shape}{penalty}{', correlated' * (self.correlation > 0)}")


FOLDS = 5


def _short(number: int) -> str:
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number % size == 0:
            return f"{number // size}{letter}"
    return str(number)


_SMALL = (
    Task(L2, 10_000, 50, aim=2),
    Task(L2, 10_000, 50, aim=2, correlation=0.9),
    Task(L1, 10_000, 50, aim=1, of_largest=0.05),
    Task(BOOTSTRAP, 1000, 10, aim=30, models=1000),
    Task(PATH, 5000, 30, aim=4.5, models=20),
    Task(COLD, 1000, 10, aim=1),
)
_LARGE = (
    Task(L2, 2000, 5000, aim=2, reached=0.95),
    Task(L2, 100_000, 100, aim=2.4),
    Task(L2, 100_000, 100, aim=2.4, correlation=0.9),
    Task(L2, 1_000_000, 20, aim=4.5, aim_aligned=8),
    Task(L2, 1_000_000, 20, aim=4.5, aim_aligned=8, correlation=0.9),
    Task(L1, 100_000, 100, aim=1, of_largest=0.05),
    Task(L1, 2000, 5000, aim=0.5, of_largest=0.1),
    Task(COLD, 10_000, 50, aim=1),
)
_TINY = (
    Task(L2, 300, 5, aim=1),
    Task(L1, 300, 5, aim=1, of_largest=0.05),
    Task(BOOTSTRAP, 100, 3, aim=1, models=20),
    Task(PATH, 100, 3, aim=1, models=4),
)
_AXES = tuple(
    tuple(Task(L2, n, d, aim=1, correlation=0.9) for n, d in shapes)
    for shapes in (
        ((1000, 20), (3000, 20), (10_000, 20), (30_000, 20), (100_000, 20)),
        ((5000, 10), (5000, 20), (5000, 50), (5000, 100), (5000, 200)),
        ((100, 3), (200, 3)),
        ((100, 4), (100, 5)),
    )
)
TASKS = {task.name: task for task in (*_SMALL, *_LARGE, *_TINY, *sum(_AXES, ()))}
SMALL, ALL, TINY, BY_EXAMPLES, BY_COLUMNS, TINY_BY_EXAMPLES, TINY_BY_COLUMNS = (
    tuple(task.name for task in those) for those in (_SMALL, sorted(_SMALL + _LARGE), _TINY, *_AXES)
)


@dataclass(frozen=True)
class Config:
    """Which tasks, how often, and what is claimed."""

    tasks: tuple[str, ...] = SMALL
    """Names of tasks."""
    by_examples: tuple[str, ...] = BY_EXAMPLES[::2]
    """Names of L2 tasks that differ in examples."""
    by_columns: tuple[str, ...] = BY_COLUMNS[::2]
    """Names of L2 tasks that differ in columns."""
    threads: tuple[int, ...] = (1,)
    """Threads that each peer is given, in processes of their own; two spin on a busy machine."""
    own_threads: int = 0
    """Threads of NumPy's linear algebra for bcejax; 0 leaves them as a user has them."""
    turns: int = 3
    """Turns in which every way has a burst of calls."""
    burst: float = 0.2
    """Seconds of a burst, of five calls at most."""
    patience: float = 2.0
    """Seconds after which a way has had its turns."""
    fresh: int = 3
    """Fresh interpreters for each way of a cold fit."""
    anew: bool = True
    """Whether first calls compile, whatever JAX has kept on disk."""
    claimed: float = 0.8
    """Share of the aims, or of what is reached of them, that is claimed; 0 judges no times."""
    seed: int = 0
    """Seed of the data."""


def check(config: Config) -> None:
    """Refuse what would end a run after its work.

    Raises:
        ValueError: a task that there is not, or an axis along which nothing grows.
    """
    for name in (*config.tasks, *config.by_examples, *config.by_columns):
        if name not in TASKS:
            raise ValueError(f"there is no task {name!r}; there are {', '.join(TASKS)}")
    if len({TASKS[name].examples for name in config.by_examples}) < MIN_SIZES:
        raise ValueError("by_examples takes tasks of two numbers of examples or more")
    if len({TASKS[name].columns for name in config.by_columns}) < MIN_SIZES:
        raise ValueError("by_columns takes tasks of two numbers of columns or more")
