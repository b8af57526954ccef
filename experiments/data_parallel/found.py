"""What one layout came to."""

from typing import NamedTuple

from experiments.collectives import Collective
from experiments.data_parallel.setting import Layout


class Found(NamedTuple):
    """A training run on a mesh, next to the same on one device."""

    layout: Layout
    processes: int
    epochs: int
    parameters: int  # how many the model has
    off_params: float  # largest difference of a parameter
    off_losses: float  # largest difference of an epoch's loss
    loss: float  # of the last epoch
    collectives: list[Collective]  # of the program that runs epochs; each step once
    # Largest difference of a sum of the calibration state, over its largest; where it was summed.
    off_calibration: float | None = None

    @property
    def name(self) -> str:
        """In tables."""
        several = f", {self.processes} processes" if self.processes > 1 else ""
        return self.layout.name + several

    def bytes_of(self, *kinds: str) -> int:
        """Of the results of these kinds of operations."""
        return sum(each.size for each in self.collectives if each.kind in kinds)

    def number_of(self, kind: str) -> int:
        """How many operations of this kind."""
        return sum(each.kind == kind for each in self.collectives)
