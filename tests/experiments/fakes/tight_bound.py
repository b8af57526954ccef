"""Is a loss below a bound that nobody reaches?

Run:     python -m experiments run tight_bound
Expect:  no.
"""

from dataclasses import dataclass

from experiments import Claim, Experiment, Result, Track, Verdict, untracked


@dataclass(frozen=True)
class Config:
    """The bound."""

    bound: float = 0.25


def run(config: Config, track: Track = untracked) -> Result:
    claims = (
        Claim("the easy loss", 0.125, "<=", 0.25, "nats"),
        Claim("the hard loss", 0.5, "<=", config.bound, "nats"),
    )
    return Result(Verdict(claims, "It is not."))


EXPERIMENT = Experiment(run, default=Config(), tiny=Config())
