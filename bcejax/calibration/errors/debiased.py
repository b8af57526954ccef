r"""The squared calibration error in bins, without the bias of the plug-in.

With residuals r = y - p, the square of a bin's mean residual is too large by the variance of that
mean. Pairs of different examples have no such part: for the true gap d_b = E[r | bin b],

    "pairs"     sum_b q_b [(sum r)^2 - sum r^2] / (W_b (W_b - 1)),

the mean of r_i r_j over the pairs of a bin, has expectation sum_b q_b d_b^2. Where p is one number
in each bin, or taken as given,

    "labels"    sum_b q_b [gap_b^2 - v_b / (W_b - 1)],    v_b the variance of the labels in bin b

(ybar_b (1 - ybar_b) for hard labels) has the same expectation, and is what others report. Both may
be below 0. A bin whose weight is at most 1 has no pair and is left out; the shares q_b of the
others add up to 1.

Weights count copies, so k copies equal weight k: sums are sum w r and sum w r^2. Weights that count
no copies need sum w^2 r^2, which is not offered.

References:
    J. Broecker, Estimating reliability and resolution of probability forecasts through
    decomposition of the empirical score (2012).
    C. A. T. Ferro and T. E. Fricker, A bias-corrected decomposition of the Brier score (2012).
    A. Kumar, P. Liang and T. Ma, Verified uncertainty calibration (2019).
"""

import functools
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.rules import BinRule, Bins, Closed, Strategy, bin_rule, in_bins
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import Ordering

Form: TypeAlias = Literal["pairs", "labels"]


def debiased_squared_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: Bins = 15,
    strategy: Strategy = "width",
    closed: Closed = "left",
    form: Form = "pairs",
) -> jax.Array:
    """An unbiased estimate of the mean squared gap of the bins.

    Works under jit, vmap and grad; all options are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape. They count copies.
        where: whether it counts at all; broadcasts to that shape.
        bins: number of bins, "cube_root", or their edges, as in ``reliability_curve``.
        strategy: "width" or "mass", as there.
        closed: the end that belongs to a bin, "left" or "right".
        form: "pairs" or "labels", above.

    Returns:
        A scalar, float32 or wider, below 0 by chance where the model is calibrated. nan where no
        bin has a weight above 1; under jit also where a value cannot be taken.

    Raises:
        TypeError: as ``expected_calibration_error``.
        ValueError: likewise, or an unknown ``form``.

    Accuracy: against sums over all pairs in float64, and unbiased in an exact enumeration of all
    labels (tests/calibration/errors/test_debiased.py).

    Example:
        >>> debiased_squared_error([0, 1, 1], probs=[0.25, 0.5, 0.75], bins=1)
        Array(-0.02083333, dtype=float32)
    """
    rule = bin_rule(bins, strategy, closed)
    if form not in ("pairs", "labels"):
        raise ValueError(f"form {form!r} is not one of 'pairs', 'labels'")
    given: dict[str, Any] = {"logits": logits, "probs": probs, "weights": weights, "where": where}
    return in_bins(_squared_error, rule, labels, form, **given)


@functools.partial(jax.jit, static_argnames=("rule", "form"))
def _squared_error(
    examples: Examples, ordering: Ordering | None, rule: BinRule, form: Form
) -> jax.Array:
    w, y, r = examples.weights, examples.labels, examples.residuals()
    table = bin_table(examples, ordering, rule)
    weight, residual = table.sums(w), table.sums(w * r)
    if form == "pairs":
        return unbiased_square(weight, residual, table.sums(w * r**2))
    mean = table.sums(w * y) / jnp.where(weight == 0, 1, weight)
    spread = table.sums(w * (y - mean[table.bin_of]) ** 2)
    # [gap^2 - v/(W - 1)] W (W - 1) = residual^2 - (residual^2 / W + spread)
    within = residual**2 / jnp.where(weight == 0, 1, weight) + spread
    return unbiased_square(weight, residual, within)


def unbiased_square(weight: jax.Array, residual: jax.Array, square: jax.Array) -> jax.Array:
    """Mean product of the residuals of two different examples of a bin.

    Args:
        weight: (bins,) sums of w.
        residual: (bins,) sums of w r.
        square: (bins,) sums of w r^2.

    Returns:
        A scalar; nan where no bin has a weight above 1.

    Example:
        >>> unbiased_square(jnp.array([2.0, 1.0]), jnp.array([1.0, 0.5]), jnp.array([0.5, 0.25]))
        Array(0.25, dtype=float32)
    """
    single = weight <= 1  # False for the nan of a value that was refused
    safe = jnp.where(single, 2, weight)
    squares = (residual**2 - square) / (safe - 1)  # W_b times the mean over pairs
    return jnp.sum(jnp.where(single, 0, squares)) / jnp.sum(jnp.where(single, 0, weight))
