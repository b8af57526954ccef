r"""Spiegelhalter's test: is the Brier score what it would be if the probabilities were true?

    z = sum w (y - p) (1 - 2 p) / sqrt(sum w (1 - 2 p)^2 p (1 - p))

is standard normal under y ~ Bernoulli(p).  It sees only errors that go along with 1 - 2 p.

References:
    D. J. Spiegelhalter, Probabilistic prediction in patient management and clinical trials (1986).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import erfc
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples
from bcejax.numerics import tanh_half


class SpiegelhalterTest(NamedTuple):
    """z, and the probability under the null of one at least as far from 0, on either side.

    Example:
        >>> test = spiegelhalter_test([0, 1, 1, 0], probs=[0.1, 0.9, 0.8, 0.4])
        >>> f"z = {test.statistic:.2f}, p = {test.p_value:.2f}"
        'z = -0.84, p = 0.40'
    """

    statistic: jax.Array
    p_value: jax.Array


def spiegelhalter_test(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> SpiegelhalterTest:
    """Spiegelhalter's z and its two-sided p-value.

    Works under jit and vmap, and is differentiable.

    Args:
        labels: 0 or 1, any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how many copies of each example there are, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        A ``SpiegelhalterTest``; nan where every probability is 0, 1/2 or 1 and none errs; z is
        infinite, and the p-value 0, where only certain ones are left and one errs.

    Raises:
        TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``.

    Accuracy: 1e-12 of 30-digit arithmetic in float64
    (tests/calibration/regression/test_spread.py).

    Example:
        >>> round(float(spiegelhalter_test([0, 1, 1, 0], probs=[0.1, 0.9, 0.8, 0.4]).p_value), 4)
        0.3993
    """
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    return _test(examples)


@jax.jit
def _test(examples: Examples) -> SpiegelhalterTest:
    w = examples.weights
    from_probs = examples.logits is None
    lean = 1 - 2 * examples.probabilities() if from_probs else -tanh_half(examples.log_odds())
    surplus = jnp.sum(w * lean * examples.residuals())
    z = surplus / jnp.sqrt(jnp.sum(w * lean**2 * examples.variances()))
    return SpiegelhalterTest(z, erfc(jnp.abs(z) / jnp.sqrt(2)))
