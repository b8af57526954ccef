"""Settings of a loss, such as gamma or epsilon: one number, or one for each example."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import Arguments, as_real, broadcast
from bcejax.numerics import within


def setting(
    value: ArrayLike,
    name: str,
    arguments: Arguments,
    *,
    low: float = 0.0,
    high: float = jnp.inf,
    stand_in: float = 0.0,
) -> jax.Array:
    """A setting in the dtype of the scores, for each of them.

    Args:
        value: number, or numbers that broadcast to the shape of the scores.
        name: what it is called in a message.
        arguments: the scores and the mask that it goes with.
        low: its least value; an array's element below gives nan.
        high: its largest value, likewise.
        stand_in: what it is where an example does not count.

    Returns:
        An array that broadcasts with the scores, and has their shape if it was an array or there
        is a mask.  Tangents flow to ``value``.

    Raises:
        TypeError: the value is not a real number.
        ValueError: a Python number lies outside [low, high], or the shape does not broadcast.

    Example:
        >>> from bcejax.losses.arguments import elementwise
        >>> setting(2, "gamma", elementwise(0.5, 1, name="logits"))
        Array(2., dtype=float32)
    """
    if isinstance(value, int | float) and not low <= value <= high:
        raise ValueError(f"{name} lies in [{low:g}, {high:g}], got {value}")
    scores, keep = arguments.scores, arguments.where
    array = as_real(value, name).astype(scores.dtype)
    if array.ndim:
        array = broadcast(array, scores.shape, name, "logits")
    if keep is not None:
        array = jnp.where(keep, array, stand_in)
    return within(array, low, high)
