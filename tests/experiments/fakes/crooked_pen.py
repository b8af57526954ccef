"""Is a result that cannot be drawn kept in part?

Run:     python -m experiments run crooked_pen
Expect:  no.
"""

from dataclasses import dataclass

from matplotlib.axes import Axes

from experiments import Claim, Experiment, Figure, Result, Table, Track, Verdict, untracked


@dataclass(frozen=True)
class Config:
    """Nothing."""


def draw(ax: Axes) -> None:
    raise ValueError("the pen is crooked")


def run(config: Config, track: Track = untracked) -> Result:
    verdict = Verdict((Claim("one", 1, "==", 1),), "All is well.")
    table = Table("numbers", "Numbers.", {"number": [1.0]})
    return Result(verdict, (table,), (Figure("line", "A line.", "A line.", draw),))


EXPERIMENT = Experiment(run, default=Config(), tiny=Config())
