r"""Calibration errors: one number for how far probabilities are from what happened.

With bins b of weight W_b, W their sum and gap_b = mean label - mean probability of a bin,

    norm 1      sum_b (W_b / W) |gap_b|            the expected calibration error (ECE)
    norm 2      sqrt(sum_b (W_b / W) gap_b^2)      the root mean squared calibration error
    norm inf    max_b |gap_b|                      the maximum calibration error

It is the error of the probability of label 1, not of the confidence in the likelier class, which is
another number that also goes by the name of ECE.

A plug-in estimate is biased upwards: a perfectly calibrated model has an ECE of about
sum_b sqrt(2 ybar_b (1 - ybar_b) W_b / pi) / W, not 0.

References:
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning (2015).
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks (2017).
"""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning import sums_by_bin
from bcejax.calibration.edges import Closed, check_bins, place
from bcejax.calibration.examples import Examples, as_examples


def expected_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: int = 15,
    closed: Closed = "left",
    norm: float = 1,
) -> jax.Array:
    """The calibration error of binary probabilities in bins of equal width.

    Works under jit and vmap, and has a derivative in scores, labels and weights almost
    everywhere (the bins have none, and |gap| has 0 at 0); bins, closed and norm are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels and a single class are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two. From logits the
            residuals keep their digits where a float32 probability would be 1.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number of bins.
        closed: the end that belongs to a bin, "left" or "right": the edge rule of
            ``bcejax.calibration.edges``.
        norm: 1, 2 or inf.

    Returns:
        A scalar in [0, 1], float32 or wider. Under jit, nan where a probability or label lies
        outside [0, 1] or nothing counts; where values can be looked at they raise instead.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, or bins that is not
            an integer.
        ValueError: shapes that differ, no example, unknown ``closed`` or ``norm``; and, unless
            traced: nan, labels or probabilities outside [0, 1], negative weights, nothing that
            counts.

    Accuracy: norm 1 within 4 (sqrt(n) + 4) eps of brute force in float64
    (tests/calibration/errors/test_binned.py).

    Example:
        >>> expected_calibration_error([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=2)
        Array(0.33333334, dtype=float32)
    """
    check_bins(bins, closed)
    if norm not in NORMS:
        raise ValueError(f"norm {norm!r} is not one of 1, 2, inf")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _error(examples, bins, closed, norm)


@functools.partial(jax.jit, static_argnames=("bins", "closed", "norm"))
def _error(examples: Examples, bins: int, closed: Closed, norm: float) -> jax.Array:
    w = examples.weights
    index, _ = place(examples, bins, closed)
    columns = jnp.stack([w, w * examples.residuals()], axis=-1)
    weight, residual = sums_by_bin(columns, index, bins).T
    return NORMS[norm](weight, residual)


def _first(weight: jax.Array, residual: jax.Array) -> jax.Array:
    return jnp.sum(_size(residual)) / jnp.sum(weight)


def _second(weight: jax.Array, residual: jax.Array) -> jax.Array:
    mean_square = jnp.sum(residual * _gap(weight, residual)) / jnp.sum(weight)
    perfect = mean_square == 0  # where the root has no derivative
    return jnp.where(perfect, 0, jnp.sqrt(jnp.where(perfect, 1, mean_square)))


def _largest(weight: jax.Array, residual: jax.Array) -> jax.Array:
    # 0 / 0 where nothing counts at all, as in the other norms
    return jnp.max(_size(_gap(weight, residual))) * (jnp.sum(weight) / jnp.sum(weight))


NORMS = {1: _first, 2: _second, float("inf"): _largest}


def _gap(weight: jax.Array, residual: jax.Array) -> jax.Array:
    """Mean residual of each bin; 0 where it is empty."""
    return residual / jnp.where(weight == 0, 1, weight)


def _size(x: jax.Array) -> jax.Array:
    """|x| with derivative 0 at 0, where that of jnp.abs is 1."""
    return x * jax.lax.stop_gradient(jnp.sign(x))
