r"""What a mean score is made of: miscalibration, discrimination, uncertainty.

With g the isotonic regression of the labels on the scores, S the mean score of the model, R that of
g, and U that of the base rate ybar,

    S = MCB - DSC + UNC,    MCB = S - R,    DSC = U - R,    UNC = U,

all >= 0: MCB is what recalibration could gain, DSC what the ranking is worth, UNC what the labels
cost without a model.  As differences they cancel; but a proper score has a divergence d and a link
h, with which

    DSC = mean d(g, ybar),    MCB = mean d(g, p) + mean h(p) (g - y),

    log     d(g, p) = KL(g, p)     h(p) = log(p / (1 - p))     U = entropy of ybar
    brier   d(g, p) = (g - p)^2    h(p) = 2 p                  U = variance of the labels

because sum (y - g) is 0 over each block of g.  The last term is >= 0 too: within a block labels
fall as scores rise, which is why they were pooled.  There h(p) is taken relative to the block's
first.

**Derivative.**  In the scores, that of MCB is the score's own almost everywhere, (p - y) / n for
the logits of the log score: R and U do not depend on them.  To train on MCB is to train on the
loss.

**Bias.**  In-sample MCB is above 0 for a calibrated model too, by about n^(-2/3).  Simulated labels
y* ~ Bernoulli(p) show by how much, and how often by more than was found.

References:
    T. Dimitriadis, T. Gneiting and A. I. Jordan, Stable reliability diagrams for probabilistic
    classifiers (2021).
    M. Ayer et al., An empirical distribution function for sampling with incomplete information
    (1955).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.inference.simulation import calibration_test
from bcejax.calibration.isotonic import pooled, pooled_starts
from bcejax.calibration.ordering import Ordering, ascending, on_host, run_sums
from bcejax.losses import bce_with_logits, bce_with_probs, bernoulli_entropy
from bcejax.numerics import absorb, kl_term, log_odds, sigmoid


class CorpDecomposition(NamedTuple):
    """Scalars; the last three are None unless a key is given.

    Example:
        >>> parts = corp_decomposition([0, 1, 0, 1], probs=[0.1, 0.3, 0.4, 0.8], score="brier")
        >>> total = parts.miscalibration - parts.discrimination + parts.uncertainty
        >>> round(float(total), 3), round(float(parts.score), 3)
        (0.175, 0.175)
    """

    score: jax.Array  # mean score; miscalibration - discrimination + uncertainty
    miscalibration: jax.Array  # MCB >= 0
    discrimination: jax.Array  # DSC >= 0
    uncertainty: jax.Array  # UNC >= 0
    null_miscalibration: jax.Array | None = None  # mean MCB of a calibrated model
    corrected_miscalibration: jax.Array | None = None  # MCB - null; may be negative
    p_value: jax.Array | None = None  # how often a calibrated model shows as much MCB


def corp_decomposition(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    score: str = "log",
    key: jax.Array | None = None,
    n_simulations: int = 1000,
) -> CorpDecomposition:
    """Decompose a mean score by isotonic regression.

    Works under jit and vmap, and has a first derivative in scores, labels and weights almost
    everywhere (that of the log score in a label whose isotonic value is 0 or 1, infinite, comes
    out finite and large); score and n_simulations are static.

    Args:
        labels: numbers in [0, 1], any shape; 0 and 1 where a key is given.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        score: "log" (binary cross-entropy, in nats) or "brier" (squared error).
        key: of ``jax.random``; simulate what a calibrated model would show.
        n_simulations: how many times.

    Returns:
        A ``CorpDecomposition``. With the log score, a certain wrong prediction makes score and
        miscalibration inf; the other two stay finite. Under jit a probability or label outside
        [0, 1] makes all nan; where values can be looked at they raise instead.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: shapes that differ, no example, unknown ``score``; and, unless traced: nan,
            labels or probabilities outside [0, 1], soft labels with a key, negative weights,
            nothing that counts.

    Accuracy: each part within 1e-13 (float64) of the difference of exact means and of
    model-diagnostics 1.5.0; float32 within 1e-5 of float64's, relative to each part
    (tests/calibration/decomposition/test_corp.py).

    Example:
        >>> found = corp_decomposition([0, 1, 0, 1], probs=[0.1, 0.3, 0.4, 0.8], score="brier")
        >>> [round(float(part), 3) for part in found[:4]]
        [0.175, 0.05, 0.125, 0.25]
    """
    if score not in SCORES:
        raise ValueError(f"score {score!r} is not one of {sorted(SCORES)}")
    given: dict[str, Any] = {"logits": logits, "probs": probs, "weights": weights, "where": where}
    examples = as_examples(labels, **given, hard=key is not None)
    ordering = ascending(examples.scores())
    fit = _isotonic_on_host(examples, ordering) if on_host((examples, ordering)) else None
    found = _decomposed(examples, ordering, fit, score)
    if key is None:
        return found
    test = calibration_test(
        MISCALIBRATIONS[score], labels, **given, key=key, n_simulations=n_simulations
    )
    return found._replace(
        null_miscalibration=test.null_mean,
        corrected_miscalibration=found.miscalibration - test.null_mean,
        p_value=test.p_value,
    )


@functools.partial(jax.jit, static_argnames="score")
def _decomposed(
    examples: Examples,
    ordering: Ordering,
    fit: tuple[jax.Array, jax.Array] | None,
    score: str,
) -> CorpDecomposition:
    """The parts, given isotonic value and block of each rank where they are known."""
    rule = SCORES[score]
    ranked = jax.tree.map(lambda each: each[ordering.order], examples)
    w, y, link = ranked.weights, ranked.labels, rule.link(ranked)
    total = jnp.sum(w)

    def mean(losses: jax.Array) -> jax.Array:
        return jnp.sum(absorb(w, losses)) / total

    base = jnp.full_like(y, lax.stop_gradient(jnp.sum(w * y) / total))
    fitted, block = fit or lax.stop_gradient(_isotonic(w, y, ordering.group))
    of_model, of_fit, of_base = (
        mean(losses)
        for losses in (rule.losses(ranked), rule.loss_of(fitted, y), rule.loss_of(base, y))
    )
    # the link ascends, so its least in a block is its first; where it is infinite, fitted is the
    # label or the loss inf
    bounded = jnp.clip(link, -LARGE, LARGE)
    of_present = jnp.where(w == 0, LARGE, bounded)
    least = jax.ops.segment_min(of_present, block, len(w), indices_are_sorted=True)[block]
    pooled = jnp.sum(w * (bounded - least) * (fitted - y)) / total
    miscalibration = mean(rule.divergence(fitted, link)) + pooled
    discrimination = mean(rule.divergence(fitted, rule.link_of(base)))
    return CorpDecomposition(
        score=of_model,
        miscalibration=_with_derivative(miscalibration, of_model - of_fit),
        discrimination=_with_derivative(discrimination, of_base - of_fit),
        uncertainty=of_base,
    )


# The fit and the base rate minimise their mean losses, so these have the derivatives that they
# have with both held fixed; in the divergences, the finite change of a fit at 0 or 1 would meet
# the infinite slope there.
@jax.custom_jvp
def _with_derivative(value: jax.Array, difference: jax.Array) -> jax.Array:
    """The value, with the derivative of the difference that it equals on paper."""
    return value


_with_derivative.defjvp(lambda primals, tangents: (_with_derivative(*primals), tangents[1]))


def _isotonic(
    weights: jax.Array, labels: jax.Array, group: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Isotonic value and block of each rank, given the tie group of each."""
    # summed one by one: under a vmap over labels the sums of weights are the same for all
    ones, masses = run_sums(weights * labels, group), run_sums(weights, group)
    blocks, sums = pooled(ones, masses)
    ones, masses = sums.T
    block = blocks[group]
    return (ones / jnp.where(masses == 0, 1, masses))[block], block


def _isotonic_on_host(examples: Examples, ordering: Ordering) -> tuple[jax.Array, jax.Array]:
    """The same from values that are there, with nothing to compile."""
    order, group = map(np.asarray, (ordering.order, ordering.group))
    w, y = (np.asarray(each, np.float64)[order] for each in (examples.weights, examples.labels))
    ones, masses = (np.bincount(group, each) for each in (w * y, w))
    present = np.flatnonzero(masses)  # a group without weight joins its predecessor
    starts = present[pooled_starts(ones[present], masses[present])]
    starts[0] = 0
    means = np.add.reduceat(ones, starts) / np.add.reduceat(masses, starts)
    block = np.repeat(np.arange(len(starts), dtype=np.int32), np.diff(starts, append=len(masses)))[
        group
    ]
    return jnp.asarray(means[block], examples.labels.dtype), jnp.asarray(block)


def _bernoulli_kl(share: jax.Array, logits: jax.Array) -> jax.Array:
    """KL of Bernoulli(share) from Bernoulli(sigmoid(logits)), >= 0.

    ``bcejax.losses.bernoulli_kl`` rounds once and takes four times as long; in a mean nobody
    sees the difference.
    """
    likely, unlikely, rest = sigmoid(logits), sigmoid(-logits), 1 - share
    gap = jnp.where(logits > 0, rest - unlikely, likely - share)
    near = kl_term(share, likely, gap) + kl_term(rest, unlikely, -gap)
    # farther out a probability rounds to 0, and in the difference nothing cancels
    far = bce_with_logits(logits, share) - bernoulli_entropy(share)
    return jnp.where(jnp.abs(logits) < -0.9 * np.log(jnp.finfo(logits.dtype).tiny), near, far)


class _Score(NamedTuple):
    losses: Callable[[Examples], jax.Array]
    loss_of: Callable[[jax.Array, jax.Array], jax.Array]  # of probabilities and labels
    link: Callable[[Examples], jax.Array]
    link_of: Callable[[jax.Array], jax.Array]  # of probabilities
    divergence: Callable[[jax.Array, jax.Array], jax.Array]  # of probabilities from a link


SCORES = {
    "log": _Score(
        losses=Examples.losses,
        loss_of=bce_with_probs,
        link=Examples.log_odds,
        link_of=log_odds,
        divergence=_bernoulli_kl,
    ),
    "brier": _Score(
        losses=lambda examples: examples.residuals() ** 2,
        loss_of=lambda probs, labels: (probs - labels) ** 2,
        link=lambda examples: 2 * examples.probabilities(),
        link_of=lambda probs: 2 * probs,
        divergence=lambda probs, link: (probs - link / 2) ** 2,
    ),
}
LARGE = 1e18  # as good as certain, for logits


def _miscalibration(labels: ArrayLike, *, score: str, **given: Any) -> jax.Array:
    return corp_decomposition(labels, score=score, **given).miscalibration


# made once, so that each is compiled once
MISCALIBRATIONS = {score: functools.partial(_miscalibration, score=score) for score in SCORES}
