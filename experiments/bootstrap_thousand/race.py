"""A thousand refits at once, and in a loop."""

from collections.abc import Callable

import jax
import numpy as np

from bcejax.numerics import require
from bcejax.solvers import bootstrap_logistic, fit_logistic
from experiments import Claim, Table, Track, timing
from experiments.bootstrap_thousand.real_data import Sample
from experiments.bootstrap_thousand.settings import Config
from experiments.timing import OURS, Standings, Times, ratio

LOOP, SKLEARN = "loop of fit_logistic", "loop of scikit-learn"
BARS = {LOOP: 20.0, SKLEARN: 10.0}  # times as long, at least: a quarter to half of what is measured


def race(sample: Sample, config: Config, track: Track) -> Standings:
    """Every way by turns; loops make some of the refits, and count for all."""
    calls = {
        OURS: lambda: bootstrap_logistic(
            sample.inputs,
            sample.labels,
            key=jax.random.key(config.seed),
            n_resamples=config.resamples,
        ),
        LOOP: _looped(sample, config, lambda counts: _fit(sample, counts)),
        SKLEARN: _looped(sample, config, _sklearn(sample)),
    }
    scale = {OURS: 1.0, LOOP: (each := config.resamples / config.looped), SKLEARN: each}
    found = timing.race(calls, track, turns=config.turns)
    return {
        (sample.name, way): Times(scale[way] * times.first, scale[way] * times.warm)
        for way, times in found.items()
    }


def _looped(
    sample: Sample, config: Config, refit: Callable[[np.ndarray], object]
) -> Callable[[], object]:
    n = len(sample.labels)

    def loop() -> None:
        rng = np.random.default_rng(config.seed)
        for counts in rng.multinomial(n, np.full(n, 1 / n), config.looped):
            refit(counts.astype(np.float64))

    return loop


def _fit(sample: Sample, counts: np.ndarray) -> object:
    return fit_logistic(sample.inputs, sample.labels, weights=counts)


def _sklearn(sample: Sample) -> Callable[[np.ndarray], object]:
    linear = require("sklearn.linear_model", extra="sklearn", purpose="a loop to race against")
    model = linear.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9)
    return lambda counts: model.fit(sample.inputs, sample.labels, sample_weight=counts)


def claims_of(standings: Standings, config: Config) -> tuple[Claim, ...]:
    """Where times are judged."""
    return tuple(
        Claim(
            f"{what}: time of a {way} over ours",
            ratio(standings, what, way),
            ">=",
            BARS[way],
            "times",
        )
        for what, way in standings
        if way in BARS and config.judged
    )


def details_of(standings: Standings, config: Config) -> str:
    """The times."""
    what = next(what for what, _ in standings)
    others = " and ".join(
        f"{ratio(standings, what, way):.3g} times as long by a {way}" for way in BARS
    )
    ours = standings[what, OURS].median
    return f"{config.resamples} refits of {what} take {1e3 * ours:.3g} ms, {others}."


def tabulate(standings: Standings) -> Table:
    """Every way."""
    return Table(
        "times",
        "All resamples, in one process by turns; of the loops' a part is timed and scaled.",
        {
            "data": [what for what, _ in standings],
            "way": [way for _, way in standings],
            "median (ms)": [1e3 * times.median for times in standings.values()],
            "over bcejax": [ratio(standings, *key) for key in standings],
            "first call (ms)": [1e3 * times.first for times in standings.values()],
        },
        formats={"over bcejax": ".3g"},
    )
