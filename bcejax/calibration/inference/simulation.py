"""A test of calibration by simulation, exact for any metric.

If the model is calibrated, the labels are draws y* ~ Bernoulli(p) from its own probabilities.  So
T, the metric of the labels that came, and T*_1, ..., T*_n of n simulated ones are exchangeable, and

    p_value = (1 + #{T*_i >= T}) / (1 + n)

satisfies P(p_value <= alpha) <= alpha for every alpha, n and number of examples: no asymptotics, no
bins to choose.  The scores and weights are held fixed.

**Labels.**  A label is the likelier one unless it misses, with the probability q <= 1/2 of the
rarer.  32 random bits b decide: b < q 2^32 misses, and where b is the integer part of q 2^32
itself, 32 more bits do, one word for all examples of a simulation (that two need it has probability
2^-64).  So a label has its probability to 2^-64, and from logits nothing is rounded to p = 1.

References:
    T. Dimitriadis, T. Gneiting and A. I. Jordan, Stable reliability diagrams for probabilistic
    classifiers (2021).
    B. Phipson and G. K. Smyth, Permutation p-values should never be zero (2010).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.inference.replication import as_floats, in_pieces, replicated
from bcejax.numerics import sigmoid
from bcejax.numerics.options import check_confidence, check_count


class CalibrationTest(NamedTuple):
    """What a metric is, and what it would be for a calibrated model; each shaped as the metric.

    Example:
        >>> test = judge(jnp.array(3.0), jnp.array([1.0, 2.0, 3.0]), "greater", 0.95)
        >>> f"{test.statistic} where chance gives {test.null_mean}: p = {test.p_value}"
        '3.0 where chance gives 2.0: p = 0.5'
    """

    statistic: Any  # of the labels that came
    p_value: Any  # how often chance alone goes as far, in [1 / (n + 1), 1]
    null_mean: Any  # mean over the simulations
    null_lower: Any  # quantiles (1 -+ confidence) / 2 of the simulations
    null_upper: Any


def calibration_test(
    metric: Callable[..., Any],
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    key: jax.Array,
    n_simulations: int = 1000,
    alternative: str = "greater",
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> CalibrationTest:
    """Test the hypothesis that the probabilities are calibrated, by any metric.

    Works under jit; metric, n_simulations, alternative and confidence are static. The metric is
    compiled once per function object: define it once, not in the call.

    Args:
        metric: called as ``metric(labels, logits= or probs=, weights=)`` with flat arrays in the
            order given, traceable under vmap; returns a number or a pytree of numbers (or
            arrays), which share the simulations. All metrics of this package serve, with options
            through ``functools.partial``.
        labels: numbers 0 and 1, any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape. An example is one
            observation with one label, whatever its weight: independent copies are to be given
            as copies.
        where: whether it counts at all; broadcasts to that shape.
        key: of ``jax.random``; the same key gives the same simulations.
        n_simulations: how many simulated sets of labels.
        alternative: "greater" (a large metric speaks against calibration), "less", or "two-sided"
            (twice the smaller).
        confidence: the share of simulations between ``null_lower`` and ``null_upper``.
        progress: called as ``progress(done, n_simulations)`` after each tenth; not when
            traced.

    Returns:
        A ``CalibrationTest``. A simulated metric within 100 eps of the one that came counts as
        equal, and one that is nan (a single class in an AUC) as going as far: both can only raise
        the p-value. Where the metric itself is nan, so is its p-value.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, n_simulations that
            is not an integer.
        ValueError: shapes that differ, no example, an unknown alternative, a confidence outside
            (0, 1); and, unless traced: nan, labels other than 0 and 1, probabilities outside
            [0, 1], negative weights, nothing that counts.

    Accuracy: the level is held on calibrated data, tied statistics included, and p-values
    against exact enumeration, by tests/calibration/inference/test_simulation.py.

    Example:
        >>> from bcejax.calibration import expected_calibration_error
        >>> labels, probs = jnp.zeros(20), jnp.full(20, 0.5)
        >>> test = calibration_test(
        ...     expected_calibration_error, labels, probs=probs, key=jax.random.key(0))
        >>> test.statistic, round(float(test.p_value), 3)
        (Array(0.5, dtype=float32), 0.001)
    """
    check_count("n_simulations", n_simulations)
    check_confidence(confidence)
    if alternative not in ALTERNATIVES:
        raise ValueError(f"alternative {alternative!r} is not one of {sorted(ALTERNATIVES)}")
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    statistic = as_floats(examples.measured(metric))
    simulated = in_pieces(
        lambda first, count: _simulated(examples, key, first, metric, count),
        n_simulations,
        progress,
        (examples, key),
    )
    return judge(statistic, simulated, alternative, confidence)


def simulate_labels(key: jax.Array, logits: jax.Array) -> jax.Array:
    """Labels y* ~ Bernoulli(sigmoid(logits)), one for each logit.

    Args:
        key: of ``jax.random``.
        logits: (n,) floats, float32 or wider; +-inf is certain.

    Returns:
        0 and 1, in the shape and dtype of ``logits``.

    Example:
        >>> simulate_labels(jax.random.key(0), jnp.array([-jnp.inf, 200.0]))
        Array([0., 1.], dtype=float32)
    """
    own, shared = jax.random.split(key)
    bits = jax.random.bits(own, logits.shape, jnp.uint32)
    share = sigmoid(-jnp.abs(logits)) * 2.0**32
    whole = jnp.floor(share)
    rest = ((share - whole) * 2.0**32).astype(jnp.uint32)
    whole = whole.astype(jnp.uint32)
    undecided = jax.random.bits(shared, (), jnp.uint32) < rest
    missed = (bits < whole) | (bits == whole) & undecided
    return ((logits > 0) ^ missed).astype(logits.dtype)


@functools.partial(jax.jit, static_argnames=("metric", "count"))
def _simulated(
    examples: Examples, key: jax.Array, first: jax.Array, metric: Callable[..., Any], count: int
) -> Any:
    logits = examples.log_odds()

    def once(key: jax.Array, _: jax.Array) -> Any:
        return as_floats(examples.measured(metric, labels=simulate_labels(key, logits)))

    return replicated(once, key, first, count, logits.size)


@functools.partial(jax.jit, static_argnames=("alternative", "confidence"))
def judge(statistic: Any, simulated: Any, alternative: str, confidence: float) -> CalibrationTest:
    """The test of a metric whose simulations are there.

    Args:
        statistic: a pytree of arrays.
        simulated: the same, with a leading axis of simulations.
        alternative: as in ``calibration_test``.
        confidence: likewise.

    Returns:
        A ``CalibrationTest``.

    Example:
        >>> judge(jnp.array(3.0), jnp.array([1.0, 2.0, 3.0]), "greater", 0.95).p_value
        Array(0.5, dtype=float32)
    """
    tails = jnp.array([(1 - confidence) / 2, (1 + confidence) / 2])
    ends = jax.tree.map(lambda each: jnp.quantile(each, tails, axis=0), simulated)
    return CalibrationTest(
        statistic=statistic,
        p_value=jax.tree.map(ALTERNATIVES[alternative], statistic, simulated),
        null_mean=jax.tree.map(lambda each: jnp.mean(each, axis=0), simulated),
        null_lower=jax.tree.map(lambda each: each[0], ends),
        null_upper=jax.tree.map(lambda each: each[1], ends),
    )


def _greater(statistic: jax.Array, simulated: jax.Array) -> jax.Array:
    size = jnp.where(jnp.isinf(statistic), 0, jnp.abs(statistic))  # inf - inf would be nan
    slack = 100 * jnp.finfo(statistic.dtype).eps * size
    # written so that a simulated nan counts
    as_far = jnp.sum(~(simulated < statistic - slack), axis=0)
    p_value = (1 + as_far) / (1 + len(simulated))
    return jnp.where(jnp.isnan(statistic), jnp.nan, p_value.astype(statistic.dtype))


def _less(statistic: jax.Array, simulated: jax.Array) -> jax.Array:
    return _greater(-statistic, -simulated)


def _two_sided(statistic: jax.Array, simulated: jax.Array) -> jax.Array:
    smaller = jnp.minimum(_greater(statistic, simulated), _less(statistic, simulated))
    return jnp.minimum(1, 2 * smaller)


ALTERNATIVES = {"greater": _greater, "less": _less, "two-sided": _two_sided}
