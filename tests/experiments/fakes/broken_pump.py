"""Does a run that raises leave the others alone?

Run:     python -m experiments run broken_pump
Expect:  yes.
"""

from dataclasses import dataclass
from pathlib import Path

from experiments import Experiment, Result, Track, untracked


@dataclass(frozen=True)
class Config:
    """Nothing."""


def run(config: Config, track: Track = untracked) -> Result:
    raise RuntimeError(f"the pump <broke> at {Path.home()}/pump")


EXPERIMENT = Experiment(run, default=Config(), tiny=Config())
