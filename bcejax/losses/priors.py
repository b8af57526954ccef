"""What share of label 1 the data have, and what share a model's logits answer for.

A logit is the log-odds of label 1; Bayes' rule moves it from one share (prior) to another by a
constant, and a weight of label 1 moves it likewise.  With b(prior) = log(prior / (1 - prior)),

    logit-adjusted loss     L = l(x + tau b(prior), y)      l = bce_with_logits
    another prior           x + b(prior_to) - b(prior_from)
    trained with pos_weight c, a logit x is log(c eta / (1 - eta)) of the belief eta:
                            log-odds of eta = x - log c,    eta = s(x) / (s(x) + c s(-x))

Rounding x + b costs |x + b| / 2 eps of a small loss, 40 ulp in the tail of float32.  So the loss
takes the sum as main + rest and l(main) + rest l'(main), whose derivatives are right as well; b of
a Python number is computed in double precision and has a rest of its own.

Sources: A. Menon et al., Long-tail learning via logit adjustment (2021); M. Saerens, P. Latinne and
C. Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities (2002).
"""

from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.losses.arguments import Arguments, as_floats, elementwise
from bcejax.losses.from_logits import bce_gradient, bce_with_logits
from bcejax.losses.settings import setting
from bcejax.numerics import (
    Pair,
    log_odds,
    outlive_scans,
    scaled_logistic,
    two_sum,
)


@outlive_scans
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
    arguments = elementwise(logits, labels, name="logits", where=where)
    x, y = arguments.scores, arguments.labels
    shift = _shift(prior, tau, arguments)
    main, lost = two_sum(x, shift.high)
    rest = lax.stop_gradient(jnp.where(jnp.isfinite(main), lost + shift.low, 0))
    return arguments.mask(bce_with_logits(main, y) + rest * bce_gradient(main, y))


@outlive_scans
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
        For Python numbers 1.5 ulp of the largest of the three terms, for arrays 6
        (tests/losses/test_priors.py).

    Example:
        >>> adjust_logits(jnp.array([0.0, 2.0]), prior_from=0.5, prior_to=0.2)
        Array([-1.3862944 ,  0.61370564], dtype=float32)
    """
    arguments = _of_logits(logits)
    to, back = (
        _shift(prior, 1.0, arguments, name)
        for prior, name in ((prior_to, "prior_to"), (prior_from, "prior_from"))
    )
    return arguments.scores + ((to.high - back.high) + (to.low - back.low))


@outlive_scans
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
    arguments = _of_logits(logits)
    return arguments.scores - jnp.log(setting(pos_weight, "pos_weight", arguments))


@outlive_scans
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
    arguments = _of_logits(logits)
    return arguments.scores + jnp.log(setting(pos_weight, "pos_weight", arguments))


@outlive_scans
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
    arguments = _of_logits(logits)
    c = setting(pos_weight, "pos_weight", arguments)
    return scaled_logistic(arguments.scores, jnp.ones_like(c), c)


def _of_logits(logits: ArrayLike) -> Arguments:
    x = as_floats(logits, "logits")
    return Arguments(x, x, None, None)


def _shift(prior: ArrayLike, tau: ArrayLike, arguments: Arguments, name: str = "prior") -> Pair:
    """tau log(prior / (1 - prior)), in two parts where it comes from Python numbers."""
    dtype = arguments.scores.dtype
    probs = setting(prior, name, arguments, high=1.0, stand_in=0.5)
    strength = setting(tau, "tau", arguments)
    if not (isinstance(prior, int | float) and isinstance(tau, int | float)):
        return Pair(strength * log_odds(probs), jnp.zeros((), dtype))
    if not 0 < prior < 1:
        raise ValueError(f"{name} lies in (0, 1), got {prior}")
    exact = Decimal(tau) * (Decimal(prior) / (1 - Decimal(prior))).ln()  # to 28 digits
    main = np.asarray(float(exact), dtype)
    parts = (jnp.asarray(part, dtype) for part in (main, float(exact - Decimal(float(main)))))
    if arguments.where is not None:
        parts = (jnp.where(arguments.where, part, 0) for part in parts)
    return Pair(*parts)
