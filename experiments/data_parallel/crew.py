"""Workers, each a process with devices of its own: started, waited for, killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from experiments.collectives import Collective
from experiments.data_parallel.found import Found
from experiments.data_parallel.setting import Config, Layout
from experiments.device import simulated
from experiments.environment import ROOT

_ENDLESS = 10**6  # epochs
_LOOK = 0.05  # seconds between two looks


class Worker:
    """One process and the folder where it leaves its answer and what it says."""

    def __init__(self, config: Config, devices: int, folder: Path) -> None:
        self._answer, self._log = folder / "answer.json", folder / "log"
        words = ["-m", "experiments.data_parallel.worker", str(self._answer)]
        with self._log.open("wb") as log:
            # It reads stdin to its end: an end that comes when this process has gone.
            self.process = subprocess.Popen(
                [sys.executable, *words, json.dumps(asdict(config))],
                cwd=ROOT,
                env=_environment(config, devices),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def found(self, patience: float) -> list[Found]:
        """What it found.

        Raises:
            RuntimeError: it failed, or took too long.
        """
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"a worker took over {patience:g} s\n{self._said()}") from None
        if status:
            raise RuntimeError(f"a worker ended with status {status}\n{self._said()}")
        return [_read(each) for each in json.loads(self._answer.read_text())]

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def end(self) -> None:
        """Kill it, if it is still there."""
        self.process.kill()
        self.process.communicate()


def _read(found: dict[str, Any]) -> Found:
    layout, parts = Layout(*found["layout"]), found["collectives"]
    collectives = [
        Collective(kind, tuple(map(tuple, shapes)), *numbers) for kind, shapes, *numbers in parts
    ]
    return Found(**found | {"layout": layout, "collectives": collectives})


def _environment(config: Config, devices: int) -> dict[str, str]:
    return os.environ | simulated(devices) | {"JAX_PLATFORMS": config.platform}


@contextmanager
def crew(configs: Sequence[Config], devices: int) -> Iterator[list[Worker]]:
    """A worker for each configuration; all are gone at the end."""
    workers: list[Worker] = []
    with tempfile.TemporaryDirectory() as top:
        try:
            for i, config in enumerate(configs):
                folder = Path(top) / str(i)
                folder.mkdir()
                workers.append(Worker(config, devices, folder))
            yield workers
        finally:
            for worker in workers:
                worker.end()


def run_alone(config: Config) -> list[Found]:
    """Each layout in one process with the most devices."""
    with crew([replace(config, coordinator=None)], max(config.devices)) as (worker,):
        return worker.found(config.patience)


def run_as_one_of_several(config: Config) -> list[Found]:
    """This machine's process of a run whose others are started elsewhere."""
    with crew([config], config.local_devices) as (worker,):
        return worker.found(config.patience)


def run_several(config: Config) -> list[Found]:
    """All processes of a run, on this machine; what the first found, which all do.

    Where one is to be killed, they first train without end until a checkpoint is there; then they
    are called again and train ``epochs`` more.
    """
    with tempfile.TemporaryDirectory() as folder:
        planned = replace(config, checkpoint=folder)
        if config.killed:
            done = kill_one(planned)
            planned = replace(planned, epochs=done + config.epochs)
        with crew(_each(planned), config.local_devices) as workers:
            every = [worker.found(config.patience) for worker in workers]
            return every[0]


def kill_one(config: Config) -> int:
    """Kill the last process of a run without end after its first checkpoint; epochs kept."""
    assert config.checkpoint is not None
    folder, end = Path(config.checkpoint), time.monotonic() + config.patience
    with crew(_each(replace(config, epochs=_ENDLESS)), config.local_devices) as workers:
        while not _kept(folder):
            if time.monotonic() > end or any(w.process.poll() is not None for w in workers):
                workers[0].found(0.0)  # raises, and says what it said
            time.sleep(_LOOK)
        os.kill(workers[-1].process.pid, signal.SIGKILL)
        workers[-1].process.wait()
    return max(_kept(folder))


def _kept(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _each(config: Config) -> list[Config]:
    """A configuration for each process."""
    coordinator = f"127.0.0.1:{_free_port()}"
    return [replace(config, coordinator=coordinator, process_id=i) for i in range(config.processes)]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
