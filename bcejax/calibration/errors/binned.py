r"""Calibration errors in bins: one number for how far probabilities are from what happened.

With bins b of weight W_b, W their sum and gap_b = mean label - mean probability of a bin,

    norm 1      sum_b (W_b / W) |gap_b|            the expected calibration error (ECE)
    norm 2      sqrt(sum_b (W_b / W) gap_b^2)      the root mean squared calibration error
    norm inf    max_b |gap_b|                      the maximum calibration error

It is the error of the probability of label 1, not of the confidence in the likelier class, which is
another number that also goes by the name of ECE.

**Bias.** A plug-in estimate is biased upwards: a perfectly calibrated model has an ECE of about
sum_b sqrt(2 ybar_b (1 - ybar_b) W_b / pi) / W, not 0. Of norm 1, debiasing takes off what the
plug-in gains where the gaps are normal about those found, with s_b^2 = ybar_b (1 - ybar_b) / W_b:

    2 sum_b (W_b/W) |gap_b| - sum_b (W_b/W) E|N(gap_b, s_b^2)|,
    E|N(d, s^2)| = s sqrt(2/pi) exp(-d^2 / (2 s^2)) + d erf(d / (s sqrt 2)).

That halves the bias; the result may be below 0. Of norm 2, the square is replaced by its unbiased
estimate (``debiased_squared_error``) and 0 by which that may be below. Norm inf has none.

References:
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning (2015).
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks (2017).
    A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration (2019).
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.rules import BinRule, Bins, Closed, Strategy, bin_rule, in_bins
from bcejax.calibration.errors.debiased import unbiased_square
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import Ordering


def expected_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: Bins = 15,
    strategy: Strategy = "width",
    closed: Closed = "left",
    norm: float = 1,
    debias: bool = False,
) -> jax.Array:
    """The calibration error of binary probabilities in bins.

    Works under jit and vmap, and has a derivative in scores, labels and weights almost
    everywhere (the bins have none, and |gap| has 0 at 0); all options are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels and a single class are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two. From logits the
            residuals keep their digits where a float32 probability would be 1.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number of bins, "cube_root", or their edges, as in ``reliability_curve``.
        strategy: "width" or "mass", as there.
        closed: the end that belongs to a bin, "left" or "right": the edge rule of
            ``bcejax.calibration.binning.edges``.
        norm: 1, 2 or inf.
        debias: take off the bias, as said above; norm 1 or 2 only. Weights then count copies.

    Returns:
        A scalar in [0, 1], float32 or wider; debiased with norm 1 it may be below 0, with norm 2 it
        is nan where no bin has a weight above 1. Under jit, nan where a probability or label lies
        outside [0, 1] or nothing counts; where values can be looked at they raise instead.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, or bins that are
            neither a number nor "cube_root" nor edges.
        ValueError: shapes that differ, no example, unknown options, edges that do not ascend from
            0 to 1, or ``debias`` with norm inf; and, unless traced: nan, labels or probabilities
            outside [0, 1], negative weights, nothing that counts.

    Accuracy: norm 1 within 4 (sqrt(n) + 4) eps of brute force in float64; the bias of all forms
    against simulation (tests/calibration/errors/test_binned.py).

    Example:
        >>> expected_calibration_error([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=2)
        Array(0.33333334, dtype=float32)
    """
    rule = bin_rule(bins, strategy, closed)
    if norm not in NORMS:
        raise ValueError(f"norm {norm!r} is not one of 1, 2, inf")
    if debias and norm == math.inf:
        raise ValueError("debias is for norm 1 or 2; no debiased form of norm inf is known")
    given: dict[str, Any] = {"logits": logits, "probs": probs, "weights": weights, "where": where}
    sums = in_bins(_sums, rule, labels, norm, debias, additive=True, **given)
    return _error(sums, norm, debias)


class Sums(NamedTuple):
    """What the errors are made of; None for what is not needed."""

    total: jax.Array  # of the weights
    residual: jax.Array  # (bins,) of w r, r = label - probability
    weight: Any  # (bins,) of w
    label: Any  # (bins,) of w y
    square: Any  # (bins,) of w r^2


@functools.partial(jax.jit, static_argnames=("rule", "norm", "debias"))
def _sums(
    examples: Examples, ordering: Ordering | None, rule: BinRule, norm: float, debias: bool
) -> Sums:
    w, r = examples.weights, examples.residuals()
    table = bin_table(examples, ordering, rule)
    return Sums(
        total=jnp.sum(w),
        residual=table.sums(w * r),
        weight=table.sums(w) if norm != 1 or debias else None,
        label=table.sums(w * examples.labels) if norm == 1 and debias else None,
        square=table.sums(w * r**2) if norm != 1 and debias else None,
    )


@functools.partial(jax.jit, static_argnames=("norm", "debias"))
def _error(sums: Sums, norm: float, debias: bool) -> jax.Array:
    weight, residual, total = sums.weight, sums.residual, sums.total
    if not debias:
        return NORMS[norm](weight, residual, total)
    if norm == 1:
        return _debiased_first(weight, residual, sums.label, total)
    return _root(unbiased_square(weight, residual, sums.square))


def _first(weight: jax.Array, residual: jax.Array, total: jax.Array) -> jax.Array:
    return jnp.sum(_size(residual)) / total


def _second(weight: jax.Array, residual: jax.Array, total: jax.Array) -> jax.Array:
    return _root(jnp.sum(residual * _gap(weight, residual)) / total)


def _largest(weight: jax.Array, residual: jax.Array, total: jax.Array) -> jax.Array:
    # 0 / 0 where nothing counts at all, as in the other norms
    return jnp.max(_size(_gap(weight, residual))) * (total / total)


NORMS = {1: _first, 2: _second, math.inf: _largest}


def _debiased_first(
    weight: jax.Array, residual: jax.Array, label: jax.Array, total: jax.Array
) -> jax.Array:
    safe = jnp.where(weight == 0, 1, weight)
    gap, share = residual / safe, label / safe
    variance = share * (1 - share) / safe
    certain = variance <= 0
    s = jnp.sqrt(jnp.where(certain, 1, variance))
    t = gap / s
    folded = s * math.sqrt(2 / math.pi) * jnp.exp(-(t**2) / 2) + gap * jax.lax.erf(t / math.sqrt(2))
    return jnp.sum(weight * (2 * _size(gap) - jnp.where(certain, _size(gap), folded))) / total


def _root(square: jax.Array) -> jax.Array:
    none = square <= 0  # where the root has no derivative
    return jnp.where(none, 0, jnp.sqrt(jnp.where(none, 1, square)))


def _gap(weight: jax.Array, residual: jax.Array) -> jax.Array:
    """Mean residual of each bin; 0 where it is empty."""
    return residual / jnp.where(weight == 0, 1, weight)


def _size(x: jax.Array) -> jax.Array:
    """|x| with derivative 0 at 0, where that of jnp.abs is 1."""
    return x * jax.lax.stop_gradient(jnp.sign(x))
