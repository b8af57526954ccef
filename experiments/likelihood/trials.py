"""Draws from a known model, their estimates and their intervals, thousands at a time.

The design has sixteen points, each as likely: eight normal quantiles by 0 and 1.  So a draw of any
size is how often each point came with each label, 32 numbers from one multinomial law; estimating
from these counts as weights is estimating from the examples.  A resample is a draw from the counts.
"""

import functools
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from bcejax.solvers import Solution, SolverStatus, fit_logistic
from bcejax.solvers.inference import (
    Intervals,
    ProfileIntervals,
    profile_intervals,
    wald_intervals,
)
from bcejax.solvers.weighted import weighted_fits
from experiments.likelihood.settings import Config

JUDGED = 0  # the column whose coefficient is judged
TOGETHER = 20_000  # fits at once


Ends: TypeAlias = dict[str, tuple[Any, Any]]  # lower and upper, by interval


class Design(NamedTuple):
    """Every point with either label, and what is true of it."""

    inputs: np.ndarray  # (32, 2)
    labels: np.ndarray  # (32,)
    chances: np.ndarray  # (32,), sum to 1


class Trials(NamedTuple):
    """What became of each draw of one size; the judged coefficient alone."""

    size: int
    separated: np.ndarray  # (r,) bool
    estimates: np.ndarray  # (r,), meaningless where separated
    firth: np.ndarray  # (r,)
    held: dict[str, np.ndarray]  # by interval: whether it holds the truth, (r,) or fewer


def design_of(config: Config) -> Design:
    """The points and the truth."""
    levels = norm.ppf((np.arange(8) + 0.5) / 8)
    points = np.array([(x, g) for x in levels for g in (0.0, 1.0)])
    logits = points @ [config.slope, config.other] + config.intercept
    probs = 1 / (1 + np.exp(-logits))
    return Design(
        np.tile(points, (2, 1)),
        np.repeat([0.0, 1.0], len(points)),
        np.concatenate([1 - probs, probs]) / len(points),
    )


WALD, PROFILE, BOOTSTRAP = "Wald", "profile", "bootstrap percentile"
FIRTH_WALD, FIRTH_PROFILE = "Firth's Wald", "Firth's profile"


def try_size(size: int, config: Config) -> Trials:
    """All draws of a size, in float64."""
    design = design_of(config)
    rng = np.random.default_rng([config.seed, size])
    counts = rng.multinomial(size, design.chances, config.draws).astype(np.float64)
    inputs, labels = jnp.asarray(design.inputs), jnp.asarray(design.labels)
    estimates, separated, firth, ends = _estimate(
        inputs, labels, jnp.asarray(counts), config.confidence
    )
    held = {
        name: (np.asarray(lower) <= config.slope) & (config.slope <= np.asarray(upper))
        for name, (lower, upper) in ends.items()
    }
    # there is no Wald interval where there is no estimate
    held[WALD] = held[WALD][~np.asarray(separated)]
    held[BOOTSTRAP] = _bootstrapped(design, counts[: config.bootstrapped], rng, config)
    return Trials(size, np.asarray(separated), np.asarray(estimates), np.asarray(firth), held)


@functools.partial(jax.jit, static_argnames="confidence")
def _estimate(
    inputs: jax.Array, labels: jax.Array, counts: jax.Array, confidence: float
) -> tuple[jax.Array, jax.Array, jax.Array, Ends]:
    """Estimates, whether separated, Firth's, and the ends of the intervals."""

    def of_one(weights: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, Ends]:
        fit = fit_logistic(inputs, labels, weights=weights)
        reduced = fit_logistic(inputs, labels, weights=weights, firth=True)

        def wald(of: Solution) -> Intervals:
            return wald_intervals(of, inputs, labels, weights=weights, confidence=confidence)

        def profile(of: Solution, firth: bool) -> ProfileIntervals:
            return profile_intervals(
                of,
                inputs,
                labels,
                weights=weights,
                confidence=confidence,
                params=[JUDGED],
                firth=firth,
            )

        ends: dict[str, Intervals | ProfileIntervals] = {
            WALD: wald(fit),
            PROFILE: profile(fit, firth=False),
            FIRTH_WALD: wald(reduced),
            FIRTH_PROFILE: profile(reduced, firth=True),
        }
        return (
            jnp.asarray(fit.coefficients)[JUDGED],
            jnp.asarray(fit.status) == SolverStatus.SEPARATED,
            jnp.asarray(reduced.coefficients)[JUDGED],
            {name: (each.lower[JUDGED], each.upper[JUDGED]) for name, each in ends.items()},
        )

    return jax.vmap(of_one)(counts)


def _bootstrapped(
    design: Design, counts: np.ndarray, rng: np.random.Generator, config: Config
) -> np.ndarray:
    """Whether percentile intervals hold the truth; a separated resample is infinitely far out."""
    size = round(counts[0].sum())
    shares = counts / size
    each = max(1, TOGETHER // config.resamples)
    held = []
    for start in range(0, len(shares), each):
        some = shares[start : start + each, None]
        drawn = rng.multinomial(size, some, (len(some), config.resamples))
        fits = weighted_fits(
            design.inputs, design.labels, drawn.reshape(-1, len(design.labels)).astype(np.float64)
        )
        slopes = _outward(fits).reshape(len(some), config.resamples)
        tail = (1 - config.confidence) / 2
        low, high = (
            np.quantile(slopes, q, axis=1, method="inverted_cdf") for q in (tail, 1 - tail)
        )
        held.append((low <= config.slope) & (config.slope <= high))
    return np.concatenate(held)


def _outward(fits: Solution) -> np.ndarray:
    """The judged coefficients, infinite where the direction of separation moves them."""
    slopes, along = np.asarray(fits.coefficients)[:, JUDGED], np.asarray(fits.direction)[:, JUDGED]
    separated = (np.asarray(fits.status) == SolverStatus.SEPARATED) & (along != 0)
    return np.where(separated, np.inf * np.sign(np.where(along == 0, 1, along)), slopes)
