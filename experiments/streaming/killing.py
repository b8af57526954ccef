"""Training that is killed again and again, at moments that nobody chose."""

import random
import time
from pathlib import Path
from typing import NamedTuple

from experiments.streaming.settings import Config
from experiments.streaming.training import Trained, finish, load, start, train


class Kill(NamedTuple):
    """One end by SIGKILL."""

    after: float  # seconds from the process's first checkpoint
    checkpoint: int  # blocks in the newest checkpoint at that moment
    alive: bool  # whether there was something left to kill


class Attempt:
    """A training process with its checkpoints."""

    def __init__(self, data: Path, folder: Path, config: Config) -> None:
        self._checkpoints, self._saved = folder / "checkpoints", folder / "saved.npz"
        self._before = _newest(self._checkpoints)
        self._process = start(train, data, self._checkpoints, self._saved, config=config)

    def saves(self) -> None:
        """Wait until it has written a checkpoint of its own, or is gone."""
        while self._process.is_alive() and _newest(self._checkpoints) == self._before:
            time.sleep(0.002)

    def ends(self) -> Trained:
        """Wait for its end."""
        finish(self._process, "training")
        return load(self._saved)

    def dies(self, after: float) -> Kill:
        """Kill it so many seconds from now."""
        time.sleep(after)
        alive = self._process.is_alive()
        self._process.kill()
        self._process.join()
        return Kill(after, _newest(self._checkpoints), alive)


def train_undisturbed(data: Path, folder: Path, config: Config) -> tuple[Trained, float]:
    """What comes of it, and the seconds from the first checkpoint to the end."""
    attempt = Attempt(data, folder, config)
    attempt.saves()
    begin = time.perf_counter()
    trained = attempt.ends()
    return trained, time.perf_counter() - begin


def train_and_kill(
    data: Path, folder: Path, seconds: float, config: Config
) -> tuple[Trained, list[Kill]]:
    """Start, kill and start again; then let it end.

    Args:
        data: the set.
        folder: for checkpoints and the outcome.
        seconds: from the first checkpoint to the end, where nobody disturbs.
        config: of the experiment.
    """
    chance, kills = random.Random(config.seed), []
    for _ in range(config.kills):
        attempt = Attempt(data, folder, config)
        attempt.saves()
        kills.append(attempt.dies(chance.uniform(0, seconds / (config.kills + 1))))
    return Attempt(data, folder, config).ends(), kills


def _newest(checkpoints: Path) -> int:
    """The number of the newest whole checkpoint; 0 where there is none."""
    there = checkpoints.iterdir() if checkpoints.is_dir() else ()
    return max((int(path.name) for path in there if path.name.isdigit()), default=0)
