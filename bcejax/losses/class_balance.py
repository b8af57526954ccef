"""Weights that even out how often the labels occur, by their effective numbers.

Examples of a label overlap: of n of them, only

    E(n) = (1 - beta^n) / (1 - beta) = 1 + beta + ... + beta^(n-1)

count as new.  A label weighs 1 / E(n): with beta = 0 every label the same, with beta -> 1, where
E(n) -> n, the inverse of its frequency.  For a beta near 1, 1 - beta^n cancels; -expm1(n log beta)
does not, and 1 - beta drops out when the weights are scaled to a mean of 1.

Source: Y. Cui et al., Class-balanced loss based on effective number of samples (2019).
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_mask, check_real, widened
from bcejax.numerics import within


def class_balanced_weights(
    labels: ArrayLike,
    *,
    beta: float = 0.999,
    counts: tuple[ArrayLike, ArrayLike] | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Weights of examples by the effective number of those with their label.

        w(y) = N (y / E(n1) + (1 - y) / E(n0)) / (n1 / E(n1) + n0 / E(n0)),   N = n0 + n1

    Hand them to ``reduce_losses(losses, weights=...)``.

    Args:
        labels: numbers in [0, 1] or booleans, of any shape; outside gives nan.  Soft labels
            count, and are weighed, in parts.
        beta: overlap in [0, 1], a Python number; 1 weighs by the inverse frequency.
        counts: numbers of examples with label 0 and with label 1, where the labels are a batch of
            a larger set; None counts the labels.
        where: booleans, broadcast to the labels' shape; False leaves a label out of the count and
            gives it weight 0.

    Returns:
        Weights >= 0 of the labels' shape, float32 or wider, with mean 1 over all that are counted.
        If one label is absent, the other weighs 1; the absent one weighs 0.

    Raises:
        TypeError: labels are not real numbers, or where not boolean.
        ValueError: beta lies outside [0, 1].

    Accuracy:
        12 ulp for counts up to 1e6 (tests/losses/test_class_balance.py).

    Example:
        >>> class_balanced_weights(jnp.array([0, 0, 0, 1]), beta=1.0)
        Array([0.6666667, 0.6666667, 0.6666667, 2.       ], dtype=float32)
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"beta lies in [0, 1], got {beta}")
    y = check_real(labels, "labels")
    keep = None if where is None else check_mask(where, jnp.shape(y), "labels")
    if counts is not None:  # as floats, for jit takes no integers beyond int32
        zeros, ones = (n if isinstance(n, jax.Array) else np.asarray(n, float) for n in counts)
        counts = zeros, ones
    return _weights(y, keep, counts, -math.log(beta) if beta else math.inf)


@partial(jax.jit, static_argnums=3, inline=True)
def _weights(labels, where, counts, rate):  # type: ignore[no-untyped-def]
    y = widened(labels)
    keep = jnp.broadcast_to(True if where is None else where, y.shape)
    y = within(jnp.where(keep, y, 0), 0.0, 1.0)
    if counts is None:
        ones = jnp.sum(y)
        zeros = jnp.sum(jnp.where(keep, 1 - y, 0))
    else:
        zeros, ones = (jnp.asarray(each, y.dtype) for each in counts)
    for_zero, for_one = (_inverse_effective_number(n, rate) for n in (zeros, ones))
    scale = (zeros + ones) / (zeros * for_zero + ones * for_one)
    return jnp.where(keep, scale * (y * for_one + (1 - y) * for_zero), 0)


def _inverse_effective_number(count: jax.Array, rate: float) -> jax.Array:
    """1 / E(n) up to the factor 1 - beta, with rate = -log(beta); 0 for a label that is absent."""
    present = jnp.where(count > 0, count, 1)
    effective = -jnp.expm1(-present * rate) if rate else present
    return jnp.where(count > 0, 1 / effective, count * 0)
