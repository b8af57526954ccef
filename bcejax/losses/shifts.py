"""Shifts of logits: tau b(prior), b(prior) = log(prior / (1 - prior)).

Those of Python numbers are computed to 28 digits and have two parts; those of arrays err by 6 ulp.
"""

from decimal import Decimal
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses.programs import Given
from bcejax.losses.settings import Setting, hidden, setting
from bcejax.numerics import Pair, log_odds


class OfNumbers(NamedTuple):
    """A shift in two parts."""

    main: np.floating
    rest: np.floating

    def ready(self, scores: jax.Array, keep: jax.Array | None) -> Pair:
        """The shift in the scores' dtype, 0 where an example does not count."""
        return Pair(*(hidden(jnp.asarray(part, scores.dtype), keep, 0) for part in self))


class OfArrays(NamedTuple):
    """What a shift is made of."""

    prior: Setting
    tau: Setting

    def ready(self, scores: jax.Array, keep: jax.Array | None) -> Pair:
        """The shift in the scores' dtype, 0 where an example does not count."""
        prior, tau = (each.ready(scores, keep) for each in self)
        return Pair(tau * log_odds(prior), jnp.zeros((), scores.dtype))


def log_odds_shift(
    prior: ArrayLike, tau: ArrayLike, given: Given, name: str = "prior"
) -> OfNumbers | OfArrays:
    """tau log(prior / (1 - prior)), a setting of a loss (settings.py).

    Args:
        prior: number in (0, 1), or numbers that broadcast to the scores' shape.
        tau: number >= 0, likewise.
        given: the scores that it goes with.
        name: what the prior is called in a message.

    Raises:
        TypeError: one of the two is not a real number.
        ValueError: a Python number is out of range, or a shape does not broadcast.

    Example:
        >>> log_odds_shift(0.75, 1.0, Given(0.5)).main
        np.float32(1.0986123)
    """
    parts = OfArrays(
        setting(prior, name, given.shape, high=1.0, stand_in=0.5),
        setting(tau, "tau", given.shape),
    )
    if not (isinstance(prior, int | float) and isinstance(tau, int | float)):
        return parts
    if not 0 < prior < 1:
        raise ValueError(f"{name} lies in (0, 1), got {prior}")
    exact = Decimal(tau) * (Decimal(prior) / (1 - Decimal(prior))).ln()
    number = jnp.promote_types(jax.typeof(given.scores).dtype, jnp.float32).type
    main = number(exact)
    return OfNumbers(main, number(exact - Decimal(float(main))))
