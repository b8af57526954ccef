"""Does a steady gauge read what it should, <b>bold</b> & all?

Run:     python -m experiments run steady_gauge    a moment
Expect:  yes, to the
         last digit.

It is read twice.

    reading = level + "<i>noise</i>"
"""

from dataclasses import dataclass

import numpy as np

from experiments import Claim, Experiment, Figure, Result, Table, Track, Verdict, untracked


@dataclass(frozen=True)
class Config:
    """What the gauge measures."""

    level: float = 0.5
    """Level that it should read."""
    readings: int = 60
    """How often it is read."""
    names: tuple[str, ...] = ("a", "<b>")


def run(config: Config, track: Track = untracked) -> Result:
    values = np.array([config.level for _ in track(range(config.readings), "readings")])
    claims = (
        Claim("readings that differ", int((values != config.level).sum()), "==", 0),
        Claim("largest reading", values.max(), "<=", 2, "ulp"),
    )
    readings = Table(
        "readings",
        "All <readings>.",
        {"reading": np.arange(config.readings), "value": values, "remark": ["<&>"] * len(values)},
        formats={"value": ".3f"},
    )
    figure = Figure(
        "readings",
        "Readings, one by one.",
        alt='A flat line at the "level" <0.5>.',
        draw=lambda left, right: (left.plot(values), right.plot(values, label="value")),
        panels=(1, 2),
    )
    verdict = Verdict(claims, f"It reads {values[0]} & nothing else.", ("Read at <noon>.",))
    return Result(verdict, (readings,), (figure,))


EXPERIMENT = Experiment(run, default=Config(), tiny=Config(readings=3), full=Config(readings=10**4))
