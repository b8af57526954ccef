"""Settings of a loss, such as gamma or epsilon: one number, or one for each example.

They are checked where they are given, and made ready in the program of the loss (programs.py).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.arguments import check_broadcast, check_real
from bcejax.numerics import nearest, within

_static = partial(field, metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Setting:
    """A setting that is checked, and otherwise as it came."""

    value: ArrayLike
    low: float = _static()
    high: float = _static()
    stand_in: float = _static()

    def ready(self, scores: jax.Array, keep: jax.Array | None) -> jax.Array:
        """An array that broadcasts with the scores, in their dtype; nan beyond its range.

        It has their shape if it came as an array or there is a mask.
        """
        array = jnp.asarray(self.value).astype(scores.dtype)
        if array.ndim:
            array = jnp.broadcast_to(array, scores.shape)
        return within(hidden(array, keep, self.stand_in), self.low, self.high)


def setting(
    value: ArrayLike,
    name: str,
    shape: tuple[int, ...],
    *,
    to: str = "logits",
    low: float = 0.0,
    high: float = jnp.inf,
    stand_in: float = 0.0,
) -> Setting:
    """A setting of a loss.

    Args:
        value: number, or numbers that broadcast to the shape; tangents flow to them.
        name: what it is called in a message.
        shape: that of the scores.
        to: what those are called in a message.
        low: its least value; an array's element below gives nan.
        high: its largest value, likewise.
        stand_in: what it is where an example does not count.

    Raises:
        TypeError: the value is not a real number.
        ValueError: a Python number lies outside [low, high], or the shape does not broadcast.

    Example:
        >>> setting(2, "gamma", ()).ready(jnp.array(0.5), None)
        Array(2., dtype=float32)
    """
    if isinstance(value, int | float) and not low <= value <= high:
        raise ValueError(f"{name} lies in [{low:g}, {high:g}], got {value}")
    value = check_broadcast(check_real(value, name), shape, name, to)
    return Setting(value, low, high, stand_in)


class PosWeight(NamedTuple):
    """A pos_weight that is checked, and otherwise as it came."""

    value: ArrayLike

    def ready(self, scores: jax.Array, keep: jax.Array | None) -> jax.Array:
        """Weights of the scores' shape and dtype, bounded."""
        weight = jnp.broadcast_to(jnp.asarray(self.value).astype(scores.dtype), scores.shape)
        return bounded_weight(hidden(weight, keep, 1))


def bounded_weight(pos_weight: jax.Array) -> jax.Array:
    """Weights of label 1 that labels 0 do not see: inf held at finfo.max / 2, nan below 0.

    Half of the largest number may meet pairs of floats, whose parts exceed 1.

    Example:
        >>> bounded_weight(jnp.array([2.0, jnp.inf, -1.0]))
        Array([2.0000000e+00, 1.7014117e+38,           nan], dtype=float32)
    """
    most = float(jnp.finfo(pos_weight.dtype).max) / 2
    return within(nearest(pos_weight, -jnp.inf, most), 0.0, jnp.inf)


def hidden(values: jax.Array, keep: jax.Array | None, stand_in: float) -> jax.Array:
    """The values, with a harmless one where an example does not count.

    Example:
        >>> hidden(jnp.array([jnp.nan, 1.0]), jnp.array([False, True]), 0)
        Array([0., 1.], dtype=float32)
    """
    return values if keep is None else jnp.where(keep, values, stand_in)
