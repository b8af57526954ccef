"""The arguments of the elementwise losses, checked once at the public door.

Shapes and dtypes are faults while tracing; values that are out of range become nan (gates.py).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.numerics import nearest, within


class Arguments(NamedTuple):
    """Scores and labels of one shape and one dtype, float32 or wider, and what goes with them."""

    scores: jax.Array
    labels: jax.Array
    pos_weight: jax.Array | None
    where: jax.Array | None

    def mask(self, results: jax.Array) -> jax.Array:
        """The results, and 0 where an example does not count."""
        return results if self.where is None else jnp.where(self.where, results, 0)


def elementwise(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    name: str,
    pos_weight: ArrayLike | None = None,
    label_smoothing: ArrayLike = 0.0,
    where: ArrayLike | None = None,
    judge: bool = True,
) -> Arguments:
    """What an elementwise loss computes with, given what its caller passed.

    Masked entries become logit 0, label 0 and weight 1 before anything is computed from them, the
    gates of their ranges included, so that no nan under the mask reaches a gradient.

    Args:
        scores: floats of any shape.
        labels: numbers or booleans of that shape.
        name: what the scores are called in a message.
        pos_weight: numbers >= 0 that broadcast to the shape; inf is held at finfo.max / 2.
        label_smoothing: number in [0, 1] that broadcasts to the shape.
        where: booleans that broadcast to the shape.
        judge: whether labels outside [0, 1] become nan here; else the caller judges them.

    Raises:
        TypeError: scores are not floats, labels not real, or where not boolean.
        ValueError: shapes differ, or do not broadcast to the scores' shape.

    Example:
        >>> elementwise(0.5, True, name="logits").labels
        Array(1., dtype=float32)
    """
    x, y = as_floats(scores, name), as_real(labels, "labels")
    if x.shape != y.shape:
        raise ValueError(f"labels have shape {y.shape}, {name} {x.shape}: they must be equal")
    keep = None if where is None else as_mask(where, x.shape, name)
    x, y = _hidden(x, keep, 0), _hidden(y.astype(x.dtype), keep, 0)
    smoothed = not (isinstance(label_smoothing, int | float) and label_smoothing == 0)
    if judge or smoothed:
        y = within(y, 0.0, 1.0)
    if smoothed:
        y = smooth(y, label_smoothing, where=keep)
    if pos_weight is None:
        return Arguments(x, y, None, keep)
    weight = as_real(pos_weight, "pos_weight").astype(x.dtype)
    weight = _hidden(broadcast(weight, x.shape, "pos_weight", name), keep, 1)
    return Arguments(x, y, bounded_weight(weight), keep)


def bounded_weight(pos_weight: jax.Array) -> jax.Array:
    """Weights of label 1 that labels 0 do not see: inf held at finfo.max / 2, nan below 0.

    Half of the largest number may meet pairs of floats, whose parts exceed 1.

    Example:
        >>> bounded_weight(jnp.array([2.0, jnp.inf, -1.0]))
        Array([2.0000000e+00, 1.7014117e+38,           nan], dtype=float32)
    """
    most = float(jnp.finfo(pos_weight.dtype).max) / 2
    return within(nearest(pos_weight, -jnp.inf, most), 0.0, jnp.inf)


def _hidden(values: jax.Array, keep: jax.Array | None, stand_in: float) -> jax.Array:
    """The values, with a harmless one where an example does not count."""
    return values if keep is None else jnp.where(keep, values, stand_in)


def smooth(labels: jax.Array, smoothing: ArrayLike, *, where: jax.Array | None = None) -> jax.Array:
    """Labels moved towards 1/2 by the share ``smoothing`` of the way, ``where`` they count.

    Example:
        >>> smooth(jnp.array([0.0, 1.0]), 0.1)
        Array([0.05, 0.95], dtype=float32)
    """
    if isinstance(smoothing, int | float) and not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing lies in [0, 1], got {smoothing}")
    share = as_real(smoothing, "label_smoothing").astype(labels.dtype)
    share = _hidden(broadcast(share, labels.shape, "label_smoothing", "labels"), where, 0)
    share = within(share, 0.0, 1.0)
    return labels + share * (0.5 - labels)


def as_floats(values: ArrayLike, name: str) -> jax.Array:
    """The values as float32 or wider; integers are refused, for they are labels by mistake.

    Example:
        >>> as_floats(2.0, "logits")
        Array(2., dtype=float32)
    """
    array = _as_array(values)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def as_real(values: ArrayLike, name: str) -> jax.Array:
    """The values as an array of real numbers or booleans.

    Example:
        >>> as_real([0, 1], "labels")
        Array([0, 1], dtype=int32)
    """
    array = _as_array(values)
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool) or jnp.iscomplexobj(
        array
    ):
        raise TypeError(f"{name} must be real numbers, got {array.dtype}")
    return array


def _as_array(values: ArrayLike) -> jax.Array:
    """The values as a JAX array.

    vmap may carry a NumPy array inside its tracer, and under jit a custom_jvp function refuses
    that; a copy, which compiles to nothing, makes it JAX's own.
    """
    return jnp.array(values, copy=isinstance(values, jax.core.Tracer))


def as_mask(where: ArrayLike, shape: tuple[int, ...], name: str) -> jax.Array:
    """A mask of the given shape.

    Example:
        >>> as_mask(True, (2,), "logits")
        Array([ True,  True], dtype=bool)
    """
    array = jnp.asarray(where)
    if array.dtype != bool:
        raise TypeError(f"where must be boolean, got {array.dtype}; numbers go into weights")
    return broadcast(array, shape, "where", name)


def broadcast(values: jax.Array, shape: tuple[int, ...], name: str, to: str) -> jax.Array:
    """The values in that shape, which may not have to grow for them.

    Example:
        >>> broadcast(jnp.zeros(1), (2,), "weights", "losses").shape
        (2,)
    """
    try:
        fits = jnp.broadcast_shapes(values.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} has shape {values.shape}, which does not broadcast to {to} {shape}"
        )
    return jnp.broadcast_to(values, shape)
