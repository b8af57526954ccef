"""What share of label 1 the data have, and what share a model's logits answer for.

A logit is the log-odds of label 1; Bayes' rule moves it from one share (prior) to another by a
constant, and a weight of label 1 moves it likewise.  With b(prior) = log(prior / (1 - prior)),

    logit-adjusted loss     L = l(x + tau b(prior), y)      l = bce_with_logits
    another prior           x + b(prior_to) - b(prior_from)
    trained with pos_weight c, a logit x is log(c eta / (1 - eta)) of the belief eta:
                            log-odds of eta = x - log c,    eta = s(x) / (s(x) + c s(-x))

Rounding x + b costs |x + b| / 2 eps of a small loss, 40 ulp in the tail of float32.  So the loss
takes the sum as main + rest and l(main) + rest l'(main), whose derivatives are right as well
(shifts.py has b).

Sources: A. Menon et al., Long-tail learning via logit adjustment (2021); M. Saerens, P. Latinne and
C. Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities (2002).
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_floats
from bcejax.losses.from_logits import bce_gradient, bce_with_logits
from bcejax.losses.programs import Given, elementwise, evaluate
from bcejax.losses.settings import setting
from bcejax.losses.shifts import log_odds_shift
from bcejax.numerics import (
    Pair,
    scaled_logistic,
    two_sum,
)


def logit_adjusted_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    prior: ArrayLike,
    tau: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Cross-entropy of logits that are told how rare label 1 is, in nats.

        L(x, y) = l(x + tau log(prior / (1 - prior)), y)

    With tau 1 and the prior of the data, x alone comes to rank as if both labels were equally
    frequent: it minimises the balanced error.  ``adjust_logits(x, prior_from=0.5,
    prior_to=prior)`` restores the calibrated logits.

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        prior: share of label 1 in the data, in (0, 1); broadcasts to the logits' shape.  1/2 is
            the cross-entropy, bit for bit.
        tau: strength of the adjustment, >= 0; broadcasts to the logits' shape.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision.  Tangents flow to
        logits, labels and, where they are arrays, prior and tau.

    Raises:
        TypeError: logits are not floats, labels, prior or tau not real, or where not boolean.
        ValueError: shapes differ, or prior or tau is a number out of range.

    Accuracy:
        For prior and tau that are Python numbers and results from 1e-31 on (1e-292 in float64):
        value 3 ulp, gradient 2, second derivative 4, for soft labels twice that
        (tests/losses/test_family.py).  For arrays the shift errs by 6 ulp, and a small loss by
        that times the size of the shift.

    Example:
        >>> logit_adjusted_loss(jnp.array([0.0, 0.0]), jnp.array([0, 1]), prior=0.01)
        Array([0.01005033, 4.6051702 ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    return evaluate(_adjusted, given, log_odds_shift(prior, tau, given))


def _adjusted(x: jax.Array, y: jax.Array, shift: Pair) -> jax.Array:
    main, lost = two_sum(x, shift.high)
    rest = lax.stop_gradient(jnp.where(jnp.isfinite(main), lost + shift.low, 0))
    return bce_with_logits(main, y) + rest * bce_gradient(main, y)


def adjust_logits(logits: ArrayLike, *, prior_from: ArrayLike, prior_to: ArrayLike) -> jax.Array:
    """Logits that answered for one share of label 1, for another.

        x + log(prior_to / (1 - prior_to)) - log(prior_from / (1 - prior_from))

    Args:
        logits: floats of any shape, calibrated where label 1 has the share ``prior_from``.
        prior_from: number in (0, 1); broadcasts to the logits' shape.
        prior_to: the share where they are used, likewise.  Swapping the two undoes the map.

    Returns:
        Logits of that shape, float32 or wider.  +-inf stays.

    Raises:
        TypeError: logits are not floats, or a prior not real.
        ValueError: a prior is a number out of range, or does not broadcast.

    Accuracy:
        For Python numbers 1.5 ulp of the largest of the three terms and the result, for arrays 6
        (tests/losses/test_priors.py).

    Example:
        >>> adjust_logits(jnp.array([0.0, 2.0]), prior_from=0.5, prior_to=0.2)
        Array([-1.3862944 ,  0.61370564], dtype=float32)
    """
    given = _of_logits(logits)
    to, back = (
        log_odds_shift(prior, 1.0, given, name)
        for prior, name in ((prior_to, "prior_to"), (prior_from, "prior_from"))
    )
    return evaluate(_moved, given, to, back)


def _moved(x: jax.Array, to: Pair, back: Pair) -> jax.Array:
    main, lost = two_sum(to.high, -back.high)
    rest = lax.stop_gradient(jnp.where(jnp.isfinite(main), lost + (to.low - back.low), 0))
    return x + (main + rest)


def undo_pos_weight(logits: ArrayLike, *, pos_weight: ArrayLike) -> jax.Array:
    """The calibrated logits of a model that was trained with a pos_weight.

        x - log c

    Args:
        logits: floats of any shape, from a model that minimises ``bce_with_logits`` with
            ``pos_weight``.
        pos_weight: that weight c > 0; broadcasts to the logits' shape.

    Returns:
        Logits of that shape, float32 or wider: the log-odds of label 1 that the model believes.

    Raises:
        TypeError: logits are not floats, or pos_weight not real.
        ValueError: pos_weight is a number below 0, or does not broadcast.

    Accuracy:
        2 ulp of the larger of logit and log c (tests/losses/test_priors.py).

    Example:
        >>> undo_pos_weight(jnp.array([0.0, 1.0]), pos_weight=4.0)
        Array([-1.3862944 , -0.38629436], dtype=float32)
    """
    given = _of_logits(logits)
    return evaluate(_undone, given, setting(pos_weight, "pos_weight", given.shape))


def apply_pos_weight(logits: ArrayLike, *, pos_weight: ArrayLike) -> jax.Array:
    """The logits that training with a pos_weight would lead to: the inverse of the above.

        x + log c

    Args:
        logits: floats of any shape: log-odds of label 1.
        pos_weight: the weight c > 0; broadcasts to the logits' shape.

    Returns:
        Logits of that shape, float32 or wider.

    Raises:
        TypeError, ValueError: as ``undo_pos_weight``.

    Accuracy:
        As ``undo_pos_weight``.

    Example:
        >>> apply_pos_weight(jnp.array([-1.3862944]), pos_weight=4.0)
        Array([0.], dtype=float32)
    """
    given = _of_logits(logits)
    return evaluate(_applied, given, setting(pos_weight, "pos_weight", given.shape))


def probs_under_pos_weight(logits: ArrayLike, *, pos_weight: ArrayLike) -> jax.Array:
    """The probability of label 1 that a model trained with a pos_weight believes.

        s(x) / (s(x) + c s(-x)),   of which the odds are exp(x) / c

    Args:
        logits: floats of any shape, from such a model.
        pos_weight: that weight c >= 0; broadcasts to the logits' shape.

    Returns:
        Probabilities of that shape, float32 or wider.

    Raises:
        TypeError, ValueError: as ``undo_pos_weight``.

    Accuracy:
        Value 3.5 ulp, derivative in the logit 6, for c from 1e-3 to 1e3, without the error that
        rounding x - log c would bring (tests/losses/test_priors.py).

    Example:
        >>> probs_under_pos_weight(jnp.array([0.0, -60.0]), pos_weight=4.0)
        Array([2.0000000e-01, 2.1891277e-27], dtype=float32)
    """
    given = _of_logits(logits)
    return evaluate(_believed, given, setting(pos_weight, "pos_weight", given.shape))


def _undone(x: jax.Array, c: jax.Array) -> jax.Array:
    return x - jnp.log(c)


def _applied(x: jax.Array, c: jax.Array) -> jax.Array:
    return x + jnp.log(c)


def _believed(x: jax.Array, c: jax.Array) -> jax.Array:
    return scaled_logistic(x, jnp.ones_like(c), c)


def _of_logits(logits: ArrayLike) -> Given:
    return Given(check_floats(logits, "logits"))
