"""Finished binades on disk: a sweep that was stopped goes on, and shards come together.

A folder holds a folder for each state of what is measured (configuration, versions, sources), with
a file for each binade in it.  A file appears whole or not at all.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jax
import numpy as np

import bcejax
from experiments.exhaustive_float32.setting import Config, Kind
from experiments.exhaustive_float32.sweep import Row

ELSEWHERE = ("shard", "shards", "swept", "block")  # fields that leave a binade's rows alone


def kept(
    sweep: Callable[[int, Config], list[Row]], config: Config
) -> Callable[[int, Config], list[Row]]:
    """The sweep of a binade, looked up where it has been done; the same sweep without a folder."""
    if not config.swept:
        return sweep
    folder = Path(config.swept) / _state(config)
    folder.mkdir(parents=True, exist_ok=True)

    def look_up_or_sweep(binade: int, config: Config) -> list[Row]:
        path = folder / f"binade_{binade:03d}.json"
        if path.exists():
            return _read(path)
        rows = sweep(binade, config)
        _write(path, rows)
        return rows

    return look_up_or_sweep


def _state(config: Config) -> str:
    """A name for all that the rows depend on."""
    fields = {name: value for name, value in asdict(config).items() if name not in ELSEWHERE}
    state = hashlib.sha256(repr((fields, jax.__version__, np.__version__)).encode())
    here, package = Path(__file__).parent, Path(bcejax.__file__).parent
    for folder in (here, package / "losses", package / "numerics"):
        for source in sorted(folder.glob("*.py")):
            state.update(source.name.encode() + source.read_bytes())
    return state.hexdigest()[:16]


def _read(path: Path) -> list[Row]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Row(Kind(*kind), *rest) for kind, *rest in rows]


def _write(path: Path, rows: list[Row]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(rows), encoding="utf-8")
    unfinished.replace(path)
