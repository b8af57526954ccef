r"""Bootstrap intervals of any metric, from counts in place of copies.

A resample draws n of the n examples with replacement.  It differs from the data only in how often
each example comes, so it is the data with weights times counts, and its metric is

    T* = metric(labels, scores, weights * counts),   counts ~ Multinomial(n; 1/n, ..., 1/n).

The scores do not change, so one sort serves all resamples.  An index is the upper half of the
64-bit product of n and 32 random bits, which favours no example by more than n / 2^32.

**Bias.**  Resamples are drawn from the data as the data were from a population.  So the error of
an estimate T, T - theta(population), has the law of T* - theta(data).  A plug-in estimate is
theta(data) itself.  One whose bias was taken off is not, and its interval needs theta: that of a
debiased squared error is the plug-in square.

**Influence.**  The derivative of the metric in the counts, at counts 1, is what the jackknife's
differences tend to (the infinitesimal jackknife); it costs one gradient in place of n metrics.

References:
    B. Efron, Bootstrap methods: another look at the jackknife (1979).
    L. A. Jaeckel, The infinitesimal jackknife (1972).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.inference.endpoints import KINDS
from bcejax.calibration.inference.replication import as_floats, in_pieces, replicated
from bcejax.data.resampling import index_below
from bcejax.numerics.options import check_confidence, check_count


class Interval(NamedTuple):
    """Where a metric's true value lies; each shaped as the metric.

    Example:
        >>> drawn = jnp.linspace(1, 3, 101)
        >>> found = interval_of(jnp.array(1.0), drawn, kind="basic", confidence=0.9)
        >>> f"{found.estimate} +- {found.standard_error:.2f}"
        '1.0 +- 0.59'
    """

    estimate: Any  # of the data
    lower: Any
    upper: Any
    standard_error: Any  # standard deviation of the resamples


def bootstrap_interval(
    metric: Callable[..., Any],
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    key: jax.Array,
    n_resamples: int = 1000,
    kind: str = "basic",
    confidence: float = 0.95,
    clip: tuple[float | None, float | None] | None = None,
    population: Callable[..., Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Interval:
    """An interval for the true value of any metric, by resampling the examples.

    Works under jit; metric, n_resamples, kind and confidence are static. The metric is compiled
    once per function object: define it once, not in the call.

    Args:
        metric: called as ``metric(labels, logits= or probs=, weights=)`` with flat arrays in the
            order given, traceable under vmap; returns a number or a pytree of numbers (or
            arrays), which share the resamples. All metrics of this package serve, with options
            through ``functools.partial``; one that closes over another model's scores, in the
            same order, compares the two in pairs.
        labels: numbers in [0, 1], any shape; soft labels if the metric takes them.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape. An example is drawn
            as a whole, with its weight: independent copies are to be given as copies.
        where: whether it counts at all; broadcasts to that shape. What does not count is never
            drawn.
        key: of ``jax.random``; the same key gives the same resamples.
        n_resamples: how many resamples.
        kind: "basic", "percentile" or "bca" (which differentiates the metric in the weights); see
            ``bcejax.calibration.inference.endpoints``.
        confidence: the share of intervals that are to hold the truth.
        clip: least and largest possible value, None for none: (0, None) for a calibration error.
        population: theta above, called as the metric and of the same result; None is the metric
            itself. For ``debiased_squared_error`` it is ``expected_calibration_error(norm=2)`` of
            the same bins, squared; for an unbiased ``kernel_calibration_error``, the biased one.
        progress: called as ``progress(done, n_resamples)`` after each tenth; not when
            traced.

    Returns:
        An ``Interval``. It is nan where a resample's metric is nan, as an AUC's is without one
        of the classes.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, n_resamples that is
            not an integer.
        ValueError: shapes that differ, no example, an unknown kind, a confidence outside (0, 1);
            and, unless traced: nan, labels or probabilities outside [0, 1], negative weights,
            nothing that counts.

    Accuracy: ends equal scipy.stats.bootstrap's on the same resamples to 1e-10 in float64, counts
    have the moments of the multinomial law, and the influence is the delete-one jackknife's up
    to 1/n (tests/calibration/inference/test_bootstrap.py, test_endpoints.py).

    Example:
        >>> from bcejax.calibration import expected_calibration_error
        >>> labels, probs = jnp.tile(jnp.array([0, 1, 1, 1]), 50), jnp.full(200, 0.55)
        >>> interval = bootstrap_interval(
        ...     expected_calibration_error, labels, probs=probs, key=jax.random.key(0))
        >>> [round(float(each), 1) for each in interval]  # true: |0.75 - 0.55|
        [0.2, 0.1, 0.3, 0.0]
    """
    check_count("n_resamples", n_resamples)
    check_confidence(confidence)
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {sorted(KINDS)}")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    estimate = as_floats(examples.measured(metric))
    replicates = in_pieces(
        lambda first, count: _resampled(examples, key, first, metric, count),
        n_resamples,
        progress,
        (examples, key),
    )
    if population is not None:
        truth = examples.measured(population)
        replicates = jax.tree.map(
            lambda drawn, found, true: drawn + (found - true), replicates, estimate, truth
        )
    influences = _influences(examples, metric) if kind == "bca" else None
    return interval_of(
        estimate, replicates, influences, kind=kind, confidence=confidence, clip=clip
    )


def draw_counts(key: jax.Array, places: jax.Array, trials: jax.Array) -> jax.Array:
    """How often each example comes among as many draws as there are examples that count.

    Args:
        key: of ``jax.random``.
        places: (n,) int32, the examples, those that count first.
        trials: int32, how many count: so many are drawn.

    Returns:
        (n,) int32, of sum ``trials``; 0 where an example does not count.

    Example:
        >>> int(draw_counts(jax.random.key(0), jnp.array([2, 0, 1]), jnp.int32(2)).sum())
        2
    """
    bits = jax.random.bits(key, places.shape, jnp.uint32)
    drawn = places[index_below(bits, trials.astype(jnp.uint32))]
    valid = jnp.arange(len(places)) < trials
    return jnp.zeros_like(places).at[drawn].add(valid.astype(places.dtype))


@functools.partial(jax.jit, static_argnames=("metric", "count"))
def _resampled(
    examples: Examples, key: jax.Array, first: jax.Array, metric: Callable[..., Any], count: int
) -> Any:
    absent = examples.weights == 0
    places = jnp.argsort(absent).astype(jnp.int32)
    trials = jnp.sum(~absent, dtype=jnp.int32)

    def once(key: jax.Array, _: jax.Array) -> Any:
        counts = draw_counts(key, places, trials)
        return as_floats(examples.measured(metric, weights=examples.weights * counts))

    return replicated(once, key, first, count, absent.size)


@functools.partial(jax.jit, static_argnames="metric")
def _influences(examples: Examples, metric: Callable[..., Any]) -> Any:
    """Derivative of the metric in the count of each example, (the metric's shape, n)."""
    return jax.jacrev(lambda counts: examples.measured(metric, weights=examples.weights * counts))(
        jnp.ones_like(examples.weights)
    )


@functools.partial(jax.jit, static_argnames=("kind", "confidence"))
def interval_of(
    estimate: Any,
    replicates: Any,
    influences: Any = None,
    *,
    kind: str,
    confidence: float,
    clip: tuple[float | None, float | None] | None = None,
) -> Interval:
    """The interval from replicates that are there.

    Args:
        estimate: a pytree of arrays.
        replicates: the same, with a leading axis of resamples.
        influences: the same, with a last axis of examples; only "bca" needs them.
        kind: as in ``bootstrap_interval``.
        confidence: likewise.
        clip: likewise.

    Returns:
        An ``Interval``.

    Example:
        >>> drawn = jnp.linspace(1, 3, 101)
        >>> found = interval_of(jnp.array(1.0), drawn, kind="basic", confidence=0.9)
        >>> found.lower.round(2), found.upper.round(2)
        (Array(-0.9, dtype=float32), Array(0.9, dtype=float32))
    """
    if influences is None:
        influences = jax.tree.map(lambda each: None, estimate)
    ends = jax.tree.map(
        lambda *parts: jnp.clip(KINDS[kind](*parts, confidence), *(clip or (None, None))),
        estimate,
        replicates,
        influences,
    )
    return Interval(
        estimate=estimate,
        lower=jax.tree.map(lambda each: each[0], ends),
        upper=jax.tree.map(lambda each: each[1], ends),
        standard_error=jax.tree.map(lambda each: jnp.std(each, axis=0, ddof=1), replicates),
    )
