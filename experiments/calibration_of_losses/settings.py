"""What there is to choose: how finely to look, how much to draw, how long to train."""

from dataclasses import dataclass

from experiments.calibration_of_losses.links import LINKS, Link


@dataclass(frozen=True)
class Config:
    """How finely to look, how much to draw and how long to train."""

    losses: tuple[str, ...] = tuple(LINKS)
    """Which losses to look at."""
    points: int = 1000
    """True probabilities at which each loss is minimised; even, so that 1/2 is none of them."""
    drawn: int = 50_000
    """Examples to learn from."""
    judged: int = 20_000
    """Others to judge by."""
    hidden: int = 32
    """Width of each network."""
    epochs: int = 20
    """Visits of each example."""
    batch: int = 500
    """Examples in a step."""
    resamples: int = 200
    """Bootstrap resamples behind each interval."""
    tolerance: float = 0.05
    """Mean distance of a trained network from the minimiser that is put down to chance."""
    left: float = 0.5
    """Share of an error that an inverse link may leave."""
    seed: int = 0
    """Seed of all that is random."""

    @property
    def links(self) -> dict[str, Link]:
        """The losses by name."""
        return {name: LINKS[name] for name in self.losses}
