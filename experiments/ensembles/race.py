"""How fast: every way by turns, in three processes.

Two libraries in one process slow each other down, and the number of devices is set before JAX
starts: so one device, two devices and torch have a process each.  One works at a time.
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.device import simulated
from experiments.ensembles.settings import Config
from experiments.ensembles.ways import FITS, LOOP, LOOP_OWN, ONE, OWN, STEPS, TORCH, TWO, WAYS
from experiments.environment import ROOT
from experiments.timing import Times, draw_ratios, spread
from experiments.versions import version_of


class Bar(NamedTuple):
    """How many times as long as one way another takes, at least."""

    way: str
    rival: str
    aim: float


BARS = (
    Bar(TWO, LOOP, 4.0),
    Bar(TWO, TORCH, 10.0),
    Bar(ONE, LOOP, 3.0),
    Bar(ONE, FITS, 8.0),
    Bar(OWN, LOOP_OWN, 1.6),
)


class Worker:
    """A process that trains the networks on so many CPU devices."""

    def __init__(self, config: Config, devices: int) -> None:
        chosen = json.dumps(dataclasses.asdict(config))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiments.ensembles.worker", chosen],
            cwd=ROOT,
            env=environment(devices),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, way: str, seconds: float) -> tuple[list[float], np.ndarray]:
        """Times of calls for so long, and what they found.

        Raises:
            RuntimeError: the process is gone.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            print(json.dumps((way, seconds)), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the process ended at {way}")
        times, found = json.loads(line)
        return times, np.array(found)

    def dismiss(self) -> None:
        """The end of the requests, and of the process."""
        self._process.communicate()


def environment(devices: int) -> dict[str, str]:
    """This one, on so many CPU devices."""
    return os.environ | simulated(devices) | {"JAX_ENABLE_X64": "0"}


@contextmanager
def crew(config: Config) -> Iterator[dict[str, Worker]]:
    """Who has each way that is installed."""
    one, two = (Worker(config, devices) for devices in (1, 2))
    workers = [one, two]
    ways = dict.fromkeys(WAYS, one) | {TWO: two}
    if version_of("torch"):
        workers.append(Worker(config, 1))
        ways[TORCH] = workers[-1]
    else:
        del ways[TORCH]
    try:
        yield ways
    finally:
        for worker in workers:
            worker.dismiss()


class Standing(NamedTuple):
    """One way: its times, and the loss of each network in the last epoch."""

    times: Times
    losses: np.ndarray


def race(config: Config, track: Track) -> dict[str, Standing]:
    """Each way once by itself, then bursts by turns."""
    with crew(config) as ways:
        first = {way: ways[way].ask(way, 0.0) for way in track(tuple(ways), "first calls")}
        warm: dict[str, list[float]] = {way: [] for way in ways}
        for _ in track(range(config.turns), "turns"):
            for way, worker in ways.items():
                warm[way] += worker.ask(way, config.burst)[0]
    return {
        way: Standing(Times(times[0], np.array(warm[way])), losses)
        for way, (times, losses) in first.items()
    }


def judge_race(config: Config, track: Track) -> Result:
    """The times, and whether all train the same networks."""
    standings = race(config, track)
    pairs = ((ONE, TWO), (ONE, LOOP), (ONE, STEPS), (ONE, FITS), (OWN, LOOP_OWN))
    apart = {
        other: float(np.abs(standings[way].losses - standings[other].losses).max())
        for way, other in pairs
    }
    claims = [
        Claim(
            f"largest difference in a network's last loss, at once and by {other}",
            each,
            "<=",
            1e-5,
            "nats",
        )
        for other, each in apart.items()
    ]
    claims += [
        Claim(
            f"time of {bar.rival} over that of {bar.way}",
            ratio(standings, bar),
            ">=",
            config.claimed * bar.aim,
            "times",
        )
        for bar in BARS
        if config.claimed and bar.rival in standings
    ]
    return Result(
        Verdict(tuple(claims), answer_of(standings, config), (detail_of(standings, config),)),
        (tabulate(standings),),
        (figure_of(standings, config),),
    )


def ratio(standings: dict[str, Standing], bar: Bar) -> float:
    """Of median times."""
    return standings[bar.rival].times.median / standings[bar.way].times.median


def answer_of(standings: dict[str, Standing], config: Config) -> str:
    """The time at once, and one after the other."""
    at_once, loop = (standings[way].times.median for way in (ONE, LOOP))
    return (
        f"{config.raced} small networks take {1e3 * at_once:.3g} ms at once, and "
        f"{loop / at_once:.2g} times as long one after the other in a compiled loop."
    )


def detail_of(standings: dict[str, Standing], config: Config) -> str:
    """The times."""
    told = "; ".join(f"{way} {1e3 * each.times.median:.3g} ms" for way, each in standings.items())
    return f"Times of {config.raced} networks of 8-16-1, on jax {jax.__version__}: {told}."


def tabulate(standings: dict[str, Standing]) -> Table:
    """Every way."""
    times = [each.times for each in standings.values()]
    return Table(
        "times",
        "Training all networks, by turns, in three processes.",
        {
            "way": list(standings),
            **spread(times),
            "best (ms)": [1e3 * float(each.warm.min()) for each in times],
            "calls": [len(each.warm) for each in times],
            "first call (ms)": [1e3 * each.first for each in times],
            "mean last loss": [float(each.losses.mean()) for each in standings.values()],
        },
    )


def figure_of(standings: dict[str, Standing], config: Config) -> Figure:
    """How many times as long others take."""
    bars = [(bar.way, bar.rival, ratio(standings, bar)) for bar in BARS if bar.rival in standings]
    told = ", ".join(f"{rival} {each:.3g} times {way}" for way, rival, each in bars)
    return Figure(
        "times",
        f"How many times as long others take to train {config.raced} networks. "
        "The scale is logarithmic.",
        alt=f"Bars to the right of 1: {told}.",
        draw=partial(draw_ratios, bars=bars),
    )
