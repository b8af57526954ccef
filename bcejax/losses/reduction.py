"""From losses to one number, with the denominator named."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import (
    check_broadcast,
    check_floats,
    check_mask,
    check_real,
    widened,
)
from bcejax.losses.programs import Given, evaluate, smooth
from bcejax.losses.settings import setting
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
    losses = check_floats(losses, "losses")
    shape, over = jnp.shape(losses), tuple(axis) if isinstance(axis, Sequence) else axis
    keep = None if where is None else check_mask(where, shape, "losses")
    if weights is not None:
        weights = check_broadcast(check_real(weights, "weights"), shape, "weights", "losses")
    total, denominator = _sums(losses, weights, keep, over, how)
    return total if how == "sum" else _quotient(total, denominator)


@partial(jax.jit, static_argnums=(3, 4), inline=True)
def _sums(losses, weights, where, axis, how):  # type: ignore[no-untyped-def]
    """The sum of the terms and that of what counts."""
    terms = widened(losses)
    counts = jnp.ones_like(terms)
    if where is not None:
        terms, counts = jnp.where(where, terms, 0), jnp.where(where, counts, 0)
    shares = counts
    if weights is not None:
        w = jnp.broadcast_to(jnp.asarray(weights).astype(terms.dtype), terms.shape)
        terms, w = weighed(terms, w, where)
        shares = w if how == "mean" else counts
    return jnp.sum(terms, axis=axis), jnp.sum(shares, axis=axis)


def weighed(
    losses: jax.Array, weights: jax.Array, where: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """Losses times weights that broadcast, and these: 0 under the mask, nan where negative.

    Example:
        >>> weighed(jnp.array([2.0, jnp.inf]), jnp.array([3.0, 0.0]), None)[0]
        Array([6., 0.], dtype=float32)
    """
    w = within(weights if where is None else jnp.where(where, weights, 0), 0.0, jnp.inf)
    return w * jnp.where((w == 0) & ~jnp.isfinite(losses), 0, losses), w


@jax.jit(inline=True)  # of its own: a quotient by a constant is rounded twice
def _quotient(total: jax.Array, denominator: jax.Array) -> jax.Array:
    return jnp.where(denominator == 0, 0, total / jnp.where(denominator == 0, 1, denominator))


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
    given = Given(check_real(labels, "labels"))
    share = setting(smoothing, "label_smoothing", given.shape, to="labels", high=1.0)
    return evaluate(_smooth, given, share)


def _smooth(labels: jax.Array, share: jax.Array) -> jax.Array:
    return smooth(within(labels, 0.0, 1.0), share)
