"""Training in a process of its own, whose memory is watched."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from bcejax.data.shards import ShardSet, open_shards
from bcejax.data.streams import read_batches
from bcejax.models import MLP
from bcejax.training import Checkpoint, fit
from bcejax.training.streaming import StreamHistory, fit_stream
from experiments.apart import high_water
from experiments.streaming.drawing import LABEL
from experiments.streaming.settings import Config
from experiments.timing import seconds_of

_TICK = 0.01  # seconds between two looks at the memory


class Trained(NamedTuple):
    """What a training process leaves behind."""

    weights: np.ndarray  # (parameters,)
    loss: np.ndarray  # (epochs,)
    rows: int
    seconds: float  # of training
    before: float  # megabytes, peak before the data were opened
    times: np.ndarray  # seconds since the process began
    peaks: np.ndarray  # megabytes, peak up to then

    @property
    def peak(self) -> float:
        """Megabytes of memory, at most."""
        return float(self.peaks[-1])


def start(work: Callable[..., None], *arguments: Any, config: Config) -> BaseProcess:
    """Work in a process of its own, on a CPU; the configuration is its last argument."""
    context: Any = multiprocessing.get_context(config.method)
    context.set_forkserver_preload([__name__, "orbax.checkpoint"])
    process: BaseProcess = context.Process(target=work, args=(*arguments, config), daemon=True)
    process.start()
    return process


def finish(process: BaseProcess, work: str) -> None:
    """Wait for a process.

    Raises:
        RuntimeError: it failed.
    """
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{work} ended with {process.exitcode}")


def train(data: Path, checkpoints: Path | None, saved: Path, config: Config) -> None:
    """Train on a set and save a ``Trained``."""
    jax.config.update("jax_platforms", "cpu")
    jax.devices()
    with _watched() as seen:
        before = _peak()
        shards, model = _open(data), _model(config)
        begin = time.perf_counter()
        history = _fit(shards, model, config, checkpoints)
        seconds = time.perf_counter() - begin
    weights = np.concatenate([np.ravel(a) for a in jax.tree.leaves(nnx.state(model, nnx.Param))])
    times, peaks = np.array(seen).T
    found = Trained(weights, np.asarray(history.loss), shards.rows, seconds, before, times, peaks)
    saved.parent.mkdir(exist_ok=True)
    np.savez(saved, **found._asdict())


def load(saved: Path) -> Trained:
    """What ``train`` saved."""
    with np.load(saved) as arrays:
        return Trained(**{name: arrays[name][()] for name in Trained._fields})


def race(data: Path, saved: Path, config: Config) -> None:
    """Time training from files and from memory by turns; save seconds of an epoch (2, turns)."""
    jax.config.update("jax_platforms", "cpu")
    shards = _open(data)
    pieces = read_batches(shards, shards.rows, seed=None)
    whole = next(pieces).batch
    key, models = jax.random.key(config.seed), (_model(config), _model(config))
    ways: tuple[Callable[[], object], ...] = (
        lambda: _fit(shards, models[0], config, None),
        lambda: fit(
            models[1],
            whole,
            epochs=config.epochs,
            batch_size=config.batch_size,
            key=key,
            progress=False,
        ),
    )
    for way in ways:
        way()  # compiles
    seconds = [[seconds_of(way) / config.epochs for way in ways] for _ in range(config.turns)]
    np.save(saved, np.array(seconds).T)


def _open(data: Path) -> ShardSet:
    return open_shards(data, label=LABEL)


def _model(config: Config) -> MLP:
    return MLP(config.columns, (config.hidden,), rngs=nnx.Rngs(config.seed))


def _fit(shards: ShardSet, model: MLP, config: Config, checkpoints: Path | None) -> StreamHistory:
    return fit_stream(
        model,
        shards,
        epochs=config.epochs,
        batch_size=config.batch_size,
        window=config.window,
        prefetch=config.prefetch,
        key=jax.random.key(config.seed),
        checkpoint=None if checkpoints is None else Checkpoint(checkpoints, every=config.every),
        progress=False,
    )


def _peak() -> float:
    """Megabytes of memory that this process has had at most."""
    return high_water() / 1e6


@contextmanager
def _watched() -> Iterator[list[tuple[float, float]]]:
    """Seconds and peak memory at every tick of the body, and at its end."""
    seen: list[tuple[float, float]] = []
    begin, ended = time.perf_counter(), threading.Event()

    def look() -> None:
        seen.append((time.perf_counter() - begin, _peak()))

    def watch() -> None:
        while not ended.wait(_TICK):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
        look()
