r"""Scores of probabilities: means over examples, of which less is better but for the last two.

    log score   sum w [-y log p - (1 - y) log(1 - p)] / sum w, in nats
    Brier       sum w (y - p)^2 / sum w
    AUC         sum w_i y_i w_j (1 - y_j) ([s_i > s_j] + [s_i = s_j] / 2) / (sum w y  sum w (1 - y))
    accuracy    sum w [y where p >= t, 1 - y elsewhere] / sum w

The first two are proper: the true probability has the least expected score.  AUC, the chance that
an example of label 1 has a higher score s than one of label 0, sees the order alone and nothing of
calibration.  A soft label y counts as a share y of an example with label 1 and a share 1 - y of one
with label 0.

References:
    T. Gneiting and A. E. Raftery, Strictly proper scoring rules, prediction, and estimation (2007).
    J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver operating
    characteristic (ROC) curve (1982).
"""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.binning.edges import bin_edges, logit_edges
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending


def log_score(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Mean binary cross-entropy, in nats, of probabilities as they are: nothing is clipped.

    Differentiable in scores, labels and weights; works under jit and vmap.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        A scalar >= 0, float32 or wider; inf where a probability 0 or 1 (a logit +-inf) that counts
        is wrong. Under jit, nan where a value cannot be taken or nothing counts.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: shapes that differ, no example; and, unless traced: nan, labels or
            probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: that of ``bcejax.losses.bce_with_logits`` and a mean; against scikit-learn to 1e-14 in
    float64 (tests/calibration/test_scores.py).

    Example:
        >>> log_score([1, 0], logits=[0.0, -100.0]), log_score([1, 0], probs=[0.0, 0.5])
        (Array(0.3465736, dtype=float32), Array(inf, dtype=float32))
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _log_score(examples)


@jax.jit
def _log_score(examples: Examples) -> jax.Array:
    losses = examples.losses()
    silent = (examples.weights == 0) & jnp.isinf(losses)
    return _mean(examples, jnp.where(silent, 0, losses))


def brier_score(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Mean squared difference of label and probability; arguments as in ``log_score``.

    Returns:
        A scalar in [0, 1], float32 or wider. From logits a small one keeps its digits, where a
        float32 probability would be 1.

    Accuracy: against scikit-learn to 1e-14 in float64 (tests/calibration/test_scores.py).

    Source: G. W. Brier, Verification of forecasts expressed in terms of probability (1950).

    Example:
        >>> brier_score([1, 0], probs=[0.5, 0.0]), brier_score([1], logits=[20.0])
        (Array(0.125, dtype=float32), Array(4.2483545e-18, dtype=float32))
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _brier_score(examples)


@jax.jit
def _brier_score(examples: Examples) -> jax.Array:
    return _mean(examples, examples.residuals() ** 2)


def roc_auc(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Area under the ROC curve, ties counted half; arguments as in ``log_score``.

    It has a derivative in labels and weights; that in scores is 0 almost everywhere.

    Returns:
        A scalar in [0, 1], float32 or wider; nan where only one class counts, for then no pair of
        a label 1 with a label 0 exists.

    Accuracy: within 32 eps of a sum over all pairs, and of scikit-learn in float64
    (tests/calibration/test_scores.py).

    Example:
        >>> roc_auc([0, 0, 1, 1], probs=[0.1, 0.4, 0.4, 0.8])
        Array(0.875, dtype=float32)
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _roc_auc(examples, ascending(examples.scores()))


@jax.jit
def _roc_auc(examples: Examples, ordering: Ordering) -> jax.Array:
    w, y = examples.weights, examples.labels
    positive, negative = ordering.per_group(jnp.stack([w * y, w * (1 - y)], axis=-1)).T
    reached = jnp.cumsum(negative)
    positives, negatives = jnp.sum(positive), reached[-1]
    # of shares, as products of two totals may overflow
    return jnp.sum(positive / positives * ((reached - negative / 2) / negatives))


def accuracy(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    threshold: float = 0.5,
) -> jax.Array:
    """Share of right decisions, label 1 being decided where the probability is >= a threshold.

    The threshold is rounded to the dtype of the scores, and logits are compared with its log-odds:
    so a probability 0.3 reaches the threshold 0.3, and a logit 0 reaches 1/2.

    Args:
        labels: numbers in [0, 1], any shape; a soft label is right to its share.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        threshold: a number in [0, 1]; static.

    Returns:
        A scalar in [0, 1], float32 or wider, with derivatives in labels and weights.

    Raises:
        TypeError: as ``log_score``.
        ValueError: likewise, or a threshold outside [0, 1].

    Accuracy: against a loop in float64 (tests/calibration/test_scores.py).

    Example:
        >>> accuracy([1, 0, 1], probs=[0.5, 0.5, 0.2]), accuracy([1, 0], logits=[0.0, -0.1])
        (Array(0.33333334, dtype=float32), Array(1., dtype=float32))
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold {threshold} does not lie between 0 and 1")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _accuracy(examples, float(threshold))


@functools.partial(jax.jit, static_argnames="threshold")
def _accuracy(examples: Examples, threshold: float) -> jax.Array:
    scores, edges = examples.scores(), (0.0, threshold, 1.0)
    given = (
        bin_edges(edges, scores.dtype)[1:-1]
        if examples.logits is None
        else logit_edges(edges, scores.dtype)
    )
    decided = scores >= jnp.asarray(given)[0]
    return _mean(examples, jnp.where(decided, examples.labels, 1 - examples.labels))


def _mean(examples: Examples, values: jax.Array) -> jax.Array:
    """Weighted; nan where nothing counts."""
    return jnp.sum(examples.weights * values) / jnp.sum(examples.weights)
