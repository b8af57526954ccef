"""Does a process that dies leave the others alone?

Run:     python -m experiments run sudden_end
Expect:  yes.
"""

import os
from dataclasses import dataclass

from experiments import Experiment, Result, Track, untracked


@dataclass(frozen=True)
class Config:
    """Nothing."""


def run(config: Config, track: Track = untracked) -> Result:
    print("last words", flush=True)
    os._exit(3)


EXPERIMENT = Experiment(run, default=Config(), tiny=Config())
