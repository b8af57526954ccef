"""Draws from a known model, their estimates and their intervals, thousands at a time.

The design has sixteen points, each as likely: eight normal quantiles by 0 and 1.  So a draw of any
size is how often each point came with each label, 32 numbers from one multinomial law; estimating
from these counts as weights is estimating from the examples.  A resample is a draw from the counts.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from bcejax.solvers import Solution, SolverStatus, fit_logistic
from bcejax.solvers.inference import (
    profile_intervals,
    wald_intervals,
)
from experiments.likelihood.settings import (
    BOOTSTRAP,
    FIRTH_PROFILE,
    FIRTH_WALD,
    WALD,
    Config,
)

JUDGED = 0  # the column whose coefficient is judged


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


def try_size(size: int, config: Config) -> Trials:
    """All draws of a size, in float64."""
    design = design_of(config)
    rng = np.random.default_rng([config.seed, size])
    counts = rng.multinomial(size, design.chances, config.draws).astype(np.float64)
    likely, reduced = (
        _batched(_fit, design, config, counts, firth=firth) for firth in (False, True)
    )
    separated = likely.status == SolverStatus.SEPARATED
    held = {}
    for name in config.intervals:
        if name == BOOTSTRAP:
            held[name] = _bootstrapped(design, counts[: config.bootstrapped], rng, config)
            continue
        firth = name in {FIRTH_WALD, FIRTH_PROFILE}
        options = {"confidence": config.confidence}
        if name in {WALD, FIRTH_WALD}:
            ends: Callable[..., Any] = _wald
        else:
            ends, options = _profile, options | {"firth": firth}
        fits = reduced if firth else likely
        lower, upper = _batched(ends, design, config, counts, fits, **options)
        held[name] = (lower <= config.slope) & (config.slope <= upper)
    # there is no Wald interval where there is no estimate
    held[WALD] = held[WALD][~separated]
    return Trials(
        size, separated, likely.coefficients[:, JUDGED], reduced.coefficients[:, JUDGED], held
    )


def _fit(inputs: jax.Array, labels: jax.Array, weights: jax.Array, *, firth: bool) -> Solution:
    return fit_logistic(inputs, labels, weights=weights, firth=firth)


def _wald(
    inputs: jax.Array, labels: jax.Array, weights: jax.Array, fit: Solution, *, confidence: float
) -> tuple[Any, Any]:
    ends = wald_intervals(fit, inputs, labels, weights=weights, confidence=confidence)
    return ends.lower[JUDGED], ends.upper[JUDGED]


def _profile(
    inputs: jax.Array,
    labels: jax.Array,
    weights: jax.Array,
    fit: Solution,
    *,
    confidence: float,
    firth: bool,
) -> tuple[Any, Any]:
    ends = profile_intervals(
        fit,
        inputs,
        labels,
        weights=weights,
        confidence=confidence,
        params=[JUDGED],
        firth=firth,
    )
    return ends.lower[0], ends.upper[0]


def _batched(
    function: Callable[..., Any], design: Design, config: Config, *arrays: Any, **options: Any
) -> Any:
    """A function of the design and of rows, for all rows, so many at once: one compilation."""
    rows = len(arrays[0])
    inputs, labels = jnp.asarray(design.inputs), jnp.asarray(design.labels)
    parts = []
    for start in range(0, rows, config.together):
        # the last part is filled up with the last row
        those = np.minimum(np.arange(start, start + config.together), rows - 1)
        part = jax.tree.map(lambda each, those=those: jnp.asarray(each[those]), arrays)
        parts.append(_each(inputs, labels, part, function, tuple(options.items())))
    return jax.tree.map(lambda *each: np.concatenate(each)[:rows], *parts)


@functools.partial(jax.jit, static_argnames=("function", "options"))
def _each(
    inputs: jax.Array,
    labels: jax.Array,
    rows: tuple[Any, ...],
    function: Callable[..., Any],
    options: tuple[tuple[str, Any], ...],
) -> Any:
    return jax.vmap(lambda *row: function(inputs, labels, *row, **dict(options)))(*rows)


def _bootstrapped(
    design: Design, counts: np.ndarray, rng: np.random.Generator, config: Config
) -> np.ndarray:
    """Whether percentile intervals hold the truth; a separated resample is infinitely far out."""
    size = round(counts[0].sum())
    shape = len(counts), config.resamples
    drawn = rng.multinomial(size, counts[:, None] / size, shape).astype(np.float64)
    rows = drawn.reshape(-1, len(design.labels))
    fits = _batched(_fit, design, config, rows, firth=False)
    slopes = _outward(fits).reshape(shape)
    tail = (1 - config.confidence) / 2
    low, high = (np.quantile(slopes, q, axis=1, method="inverted_cdf") for q in (tail, 1 - tail))
    return (low <= config.slope) & (config.slope <= high)


def _outward(fits: Solution) -> np.ndarray:
    """The judged coefficients, infinite where the direction of separation moves them."""
    slopes, along = (np.asarray(each)[:, JUDGED] for each in (fits.coefficients, fits.direction))
    separated = np.asarray(fits.status) == SolverStatus.SEPARATED
    return np.where(separated & (along != 0), np.copysign(np.inf, along), slopes)
