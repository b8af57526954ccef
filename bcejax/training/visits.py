"""A training run and the visits of the host: progress, checkpoints, Ctrl-C.

A run goes on by itself from one visit of the host to the next.  At a visit the host shows progress,
writes a checkpoint where one is due, and heeds Ctrl-C.  Nothing that a run computes depends on when
it is visited.
"""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from jax.sharding import Mesh

from bcejax.training.checkpoints import Checkpoint, Store
from bcejax.training.fingerprints import Fingerprint
from bcejax.training.progress import shown_progress
from bcejax.training.records import Figures, Status
from bcejax.training.sharding import is_first, largest

Folder: TypeAlias = str | os.PathLike[str] | Checkpoint | None


class Training(ABC):
    """A training run between visits.

    Attributes:
        done: finished epochs.
        status: ``RUNNING`` until the run ends by itself.
        mesh: what it runs on; None is one device.
    """

    def __init__(self, mesh: Mesh | None) -> None:
        self.done, self.status, self.mesh = 0, Status.RUNNING, mesh

    @property
    def number(self) -> int:
        """What its checkpoints are numbered by: epochs, if nothing finer."""
        return self.done

    @property
    @abstractmethod
    def progress(self) -> tuple[float, Figures]:
        """Epochs so far, and the latest figures."""

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """What a checkpoint of this run must agree with, part by part."""

    @abstractmethod
    def saved(self) -> tuple[Any, Figures]:
        """What a checkpoint is to hold: a pytree, and the figures so far."""

    @abstractmethod
    def resume(self, saved: Any, figures: Figures) -> None:
        """Go on from a checkpoint."""

    @abstractmethod
    def advance(self, most: int, pressed: Callable[[], int]) -> bool:
        """Go on until the next visit, for ``most`` epochs at most.

        Returns:
            False if a second Ctrl-C came: the arrays are then those of what is under way, and
            whoever looks at them waits.
        """

    def agreed(self, number: int) -> int:
        """The largest of the processes' numbers: clocks and keyboards must not part them."""
        return largest(number, self.mesh)

    def ended(self, epochs: int) -> bool:
        """Whether nothing is left to do."""
        return self.done >= epochs or self.status != Status.RUNNING


@contextlib.contextmanager
def opened(folder: Folder, training: Training, epochs: int) -> Iterator[Store | None]:
    """The checkpoints of the run, if wanted; it goes on from the newest."""
    if folder is None:
        yield None
        return
    config = folder if isinstance(folder, Checkpoint) else Checkpoint(folder)
    with contextlib.closing(Store(config, training.fingerprint())) as store:
        found = store.load(training.saved()[0])
        if found is not None:
            training.resume(*found)
        done = training.progress[0]
        if done > epochs:
            raise ValueError(
                f"checkpoint {os.fspath(config.directory)!r} holds epoch {done:.6g} already, "
                f"more than epochs={epochs}"
            )
        yield store


def visit(
    training: Training,
    epochs: int,
    store: Store | None,
    progress: bool,
    pressed: Callable[[], int],
) -> None:
    """Train until the epochs are done, the run ends by itself, or Ctrl-C comes."""
    with shown_progress(progress and is_first(training.mesh), epochs) as show:
        while not training.ended(epochs) and not training.agreed(pressed()):
            most = epochs - training.done
            if store is not None:
                most = min(most, store.until_next(training.number))
            if not training.advance(most, pressed):
                return
            show(*training.progress)
            if store is not None and (
                training.ended(epochs)
                or training.agreed(store.due(training.number))
                or training.agreed(pressed())
            ):
                store.write(training.number, *training.saved())
