"""Does an interrupt keep what had ended?

Run:     python -m experiments run impatient_hand
Expect:  yes.
"""

from dataclasses import dataclass

from experiments import Experiment, Result, Track, untracked


@dataclass(frozen=True)
class Config:
    """Nothing."""


def run(config: Config, track: Track = untracked) -> Result:
    raise KeyboardInterrupt


EXPERIMENT = Experiment(run, default=Config(), tiny=Config())
