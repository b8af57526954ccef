"""Calls timed by turns, the slow ones in fewer of them."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from experiments import Track
from experiments.speed_of_calibration.setting import Call, Config
from experiments.timing import Times, timed

Name = TypeVar("Name", bound=Hashable)


def race(
    calls: Mapping[Name, Call], config: Config, track: Track
) -> tuple[dict[Name, Times], dict[Name, Any]]:
    """Times and answers of the calls: each once by itself, then by turns.

    A turn is a burst of calls that takes as long as the config says, but one call at least. A way
    has its turns until they have taken its patience, but one at least.
    """
    first, answers = {}, {}
    for name in track(tuple(calls), "first calls"):
        first[name], answers[name] = _timed(calls[name])
    warm: dict[Name, list[float]] = {name: [] for name in calls}
    for _ in track(range(config.turns), "turns"):
        for name, call in calls.items():
            if not warm[name] or sum(warm[name]) < config.patience:
                warm[name].extend(_burst(call, config.burst))
    return {name: Times(first[name], np.array(warm[name])) for name in calls}, answers


def _burst(call: Call, seconds: float) -> list[float]:
    times = [_timed(call)[0]]
    while sum(times) < seconds:
        times.append(_timed(call)[0])
    return times


def _timed(call: Call) -> tuple[float, Any]:
    return timed(lambda: jax.block_until_ready(call()))
