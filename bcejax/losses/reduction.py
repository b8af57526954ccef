"""From losses to one number, with the denominator named."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import as_floats, as_mask, as_real, broadcast, smooth
from bcejax.numerics import within


def reduce_losses(
    losses: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    axis: int | Sequence[int] | None = None,
    how: str = "mean",
) -> jax.Array:
    """Weighted mean or sum of losses, over all of them or over some axes.

        "mean"   sum(w l) / sum(w)
        "count"  sum(w l) / number unmasked
        "sum"    sum(w l)

    Args:
        losses: floats of any shape.
        weights: numbers >= 0, broadcast to that shape; how much each example counts.  Weight 0
            silences a loss that is nan or inf; a negative weight gives nan.
        where: booleans, broadcast to that shape; False leaves a loss out.  Pass the same mask to
            the loss itself, or a nan under it reaches the gradient.
        axis: the axes to reduce; None is all.
        how: the denominator; nothing to count gives 0.

    Returns:
        The reduced losses, accumulated in float32 or wider, so that float16 does not overflow.

    Raises:
        TypeError: losses are not floats, weights not real, or where not boolean.
        ValueError: weights or where do not broadcast, or how is unknown.

    Accuracy:
        Relative error against exact sums on CPU, measured, for 1e6 float32 losses along one axis:
        8 eps for losses of like size, 32 eps where one outweighs the others together.  Over
        several axes at once jax 0.10 adds many in sequence, and 500 eps were found: there, ravel
        the losses first (tests/losses/test_reduction.py).

    Example:
        >>> losses = jnp.array([1.0, 2.0, jnp.nan])
        >>> reduce_losses(losses, weights=jnp.array([1.0, 3.0, 0.0]))
        Array(1.75, dtype=float32)
        >>> reduce_losses(losses, where=jnp.array([True, True, False]), how="sum")
        Array(3., dtype=float32)
    """
    if how not in ("mean", "count", "sum"):
        raise ValueError(f"how is one of 'mean', 'count', 'sum', got {how!r}")
    terms = as_floats(losses, "losses")
    counts = jnp.ones_like(terms)
    if where is not None:
        keep = as_mask(where, terms.shape, "losses")
        terms, counts = jnp.where(keep, terms, 0), jnp.where(keep, counts, 0)
    total = counts
    if weights is not None:
        w = broadcast(
            as_real(weights, "weights").astype(terms.dtype), terms.shape, "weights", "losses"
        )
        w = within(jnp.where(counts == 0, 0, w), 0.0, jnp.inf)
        terms = w * jnp.where((w == 0) & ~jnp.isfinite(terms), 0, terms)
        total = w if how == "mean" else counts
    summed = jnp.sum(terms, axis=axis)
    if how == "sum":
        return summed
    denominator = jnp.sum(total, axis=axis)
    return jnp.where(denominator == 0, 0, summed / jnp.where(denominator == 0, 1, denominator))


def smooth_labels(labels: ArrayLike, smoothing: ArrayLike) -> jax.Array:
    """Labels moved towards 1/2: y (1 - smoothing) + smoothing / 2.

    The binary convention, where ``optax.smooth_labels`` divides by the size of the last axis.

    Args:
        labels: numbers in [0, 1] or booleans, of any shape; outside gives nan.
        smoothing: share of the way, in [0, 1]; broadcasts to the labels' shape.

    Returns:
        Labels in [smoothing / 2, 1 - smoothing / 2], float32 or wider.

    Raises:
        TypeError: labels are not real numbers.
        ValueError: smoothing lies outside [0, 1].

    Example:
        >>> smooth_labels(jnp.array([0, 1]), 0.1)
        Array([0.05, 0.95], dtype=float32)
    """
    array = as_real(labels, "labels")
    dtype = jnp.promote_types(array.dtype, jnp.float32)
    return smooth(within(array.astype(dtype), 0.0, 1.0), smoothing)
