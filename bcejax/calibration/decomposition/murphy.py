r"""Murphy's decomposition of the Brier score in bins, exact through its within-bin terms.

With bins b of weight W_b, W their sum, bars for weighted means and q_b = W_b / W,

    reliability             sum_b q_b (ybar_b - pbar_b)^2       how far from calibrated
    resolution              sum_b q_b (ybar_b - ybar)^2         what the bins tell about the label
    uncertainty             mean (y - ybar)^2                   ybar (1 - ybar) for hard labels
    within_bin_variance     mean (p - pbar_b)^2
    within_bin_covariance   2 mean (p - pbar_b)(y - ybar_b)

    Brier = reliability - resolution + uncertainty + within_bin_variance - within_bin_covariance,

an identity.  Without the last two terms it holds only where p is one number in each bin.

The plug-in reliability is too large by the variance of the ybar_b, resolution nearly as much.  With
v_b the variance of the labels in bin b and v that of all, debiasing moves

    reliability by -D,   resolution by -D + U,   uncertainty by U,
    D = sum_b q_b v_b / (W_b - 1),               U = v / (W - 1),

which leaves the sum as it was.  A bin with W_b <= 1 has no variance to judge by and stays as it is.

References:
    A. H. Murphy, A new vector partition of the probability score (1973).
    D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, Two extra components in the Brier score
    decomposition (2008).
    J. Broecker, Estimating reliability and resolution of probability forecasts through
    decomposition of the empirical score (2012).
    C. A. T. Ferro and T. E. Fricker, A bias-corrected decomposition of the Brier score (2012).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.rules import BinRule, Bins, Closed, Strategy, bin_rule, in_bins
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import Ordering


class MurphyDecomposition(NamedTuple):
    """score = reliability - resolution + uncertainty + within-bin variance - covariance.

    Example:
        >>> parts = murphy_decomposition([0, 1, 1, 1], probs=[0.25, 0.25, 0.75, 0.75], bins=2)
        >>> parts.score, parts.reliability - parts.resolution + parts.uncertainty
        (Array(0.1875, dtype=float32), Array(0.1875, dtype=float32))
        >>> parts.within_bin_variance, parts.within_bin_covariance
        (Array(0., dtype=float32), Array(0., dtype=float32))
    """

    score: jax.Array  # (), the Brier score
    reliability: jax.Array  # ()
    resolution: jax.Array  # ()
    uncertainty: jax.Array  # ()
    within_bin_variance: jax.Array  # ()
    within_bin_covariance: jax.Array  # ()


def murphy_decomposition(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: Bins = 15,
    strategy: Strategy = "width",
    closed: Closed = "left",
    debias: bool = False,
) -> MurphyDecomposition:
    """The Brier score taken apart in bins.

    Works under jit, vmap and grad (the bins themselves have no derivative); all options are
    static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number of bins, "cube_root", or their edges, as in ``reliability_curve``.
        strategy: "width" or "mass", as there.
        closed: the end that belongs to a bin, "left" or "right".
        debias: move reliability, resolution and uncertainty to their less biased estimates, by
            which the first two may be below 0. Weights then count copies.

    Returns:
        A ``MurphyDecomposition`` of scalars, float32 or wider; under jit, nan where a value cannot
        be taken or nothing counts.

    Raises:
        TypeError: as ``reliability_curve``.
        ValueError: likewise.

    Accuracy: each term against a loop in float64, and the identity to 8 eps
    (tests/calibration/decomposition/test_murphy.py).

    Example:
        >>> parts = murphy_decomposition([0, 1, 1, 1], probs=[0.25, 0.25, 0.75, 0.75], bins=2)
        >>> parts.score, parts.reliability, parts.resolution, parts.uncertainty
        (Array(0.1875, dtype=float32), Array(0.0625, dtype=float32),
         Array(0.0625, dtype=float32), Array(0.1875, dtype=float32))
    """
    rule = bin_rule(bins, strategy, closed)
    given: dict[str, Any] = {"logits": logits, "probs": probs, "weights": weights, "where": where}
    return in_bins(_decomposition, rule, labels, debias, **given)


@functools.partial(jax.jit, static_argnames=("rule", "debias"))
def _decomposition(
    examples: Examples, ordering: Ordering | None, rule: BinRule, debias: bool
) -> MurphyDecomposition:
    w, y, p, r = (
        examples.weights, examples.labels, examples.probabilities(), examples.residuals()
    )  # fmt: skip
    table = bin_table(examples, ordering, rule)
    total, weight = jnp.sum(w), table.sums(w)
    safe = jnp.where(weight == 0, 1, weight)
    label, prob = table.sums(w * y) / safe, table.sums(w * p) / safe
    base = jnp.sum(w * y) / total
    # two passes: the mean of squares minus the square of the mean would cancel
    y_within, p_within = y - label[table.bin_of], p - prob[table.bin_of]

    def mean(terms: jax.Array) -> jax.Array:
        return jnp.sum(terms) / total

    parts = MurphyDecomposition(
        score=mean(w * r**2),
        reliability=mean(table.sums(w * r) ** 2 / safe),
        resolution=mean(weight * (label - base) ** 2),
        uncertainty=mean(w * (y - base) ** 2),
        within_bin_variance=mean(w * p_within**2),
        within_bin_covariance=2 * mean(w * p_within * y_within),
    )
    if not debias:
        return parts
    bins = mean(_variance_of_mean(weight, table.sums(w * y_within**2)) * weight)
    whole = _variance_of_mean(total, total * parts.uncertainty)
    return parts._replace(
        reliability=parts.reliability - bins,
        resolution=parts.resolution - bins + whole,
        uncertainty=parts.uncertainty + whole,
    )


def _variance_of_mean(weight: jax.Array, squares: jax.Array) -> jax.Array:
    """squares / (W (W - 1)); 0 where W <= 1."""
    single = weight <= 1
    safe = jnp.where(single, 2, weight)
    return jnp.where(single, 0, squares / (safe * (safe - 1)))
