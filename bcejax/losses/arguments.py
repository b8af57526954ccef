"""The arguments of the losses, checked once at the public door.

Shapes and dtypes are faults while tracing; values that are out of range become nan (gates.py).
What is checked stays as it came, so that all arithmetic is left to one program (programs.py).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def check_floats(values: ArrayLike, name: str) -> ArrayLike:
    """The values as they came; integers are refused, for they are labels by mistake.

    Example:
        >>> check_floats(2.0, "logits")
        2.0
    """
    values = _as_given(values)
    dtype = jax.typeof(values).dtype
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"{name} must be floats, got {dtype}")
    return values


def check_real(values: ArrayLike, name: str) -> ArrayLike:
    """Real numbers or booleans, as they came.

    Example:
        >>> check_real(True, "labels")
        True
    """
    values = _as_given(values)
    dtype = jax.typeof(values).dtype
    kinds = (jnp.floating, jnp.integer, jnp.bool_)
    if not any(jnp.issubdtype(dtype, kind) for kind in kinds):
        raise TypeError(f"{name} must be real numbers, got {dtype}")
    return values


def check_mask(where: ArrayLike, shape: tuple[int, ...], name: str) -> ArrayLike:
    """A mask as it came, for values of the given shape.

    Example:
        >>> check_mask(True, (2,), "logits")
        True
    """
    where = _as_given(where)
    dtype = jax.typeof(where).dtype
    if not jnp.issubdtype(dtype, jnp.bool_):
        raise TypeError(f"where must be boolean, got {dtype}; numbers go into weights")
    return check_broadcast(where, shape, "where", name)


def check_broadcast(values: ArrayLike, shape: tuple[int, ...], name: str, to: str) -> ArrayLike:
    """The values as they came, if they broadcast to that shape, which may not have to grow.

    Example:
        >>> check_broadcast(2.0, (2,), "weights", "losses")
        2.0
    """
    given = jnp.shape(values)
    try:
        fits = given in ((), shape) or jnp.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} has shape {given}, which does not broadcast to {to} {shape}")
    return values


def _as_given(values: ArrayLike) -> ArrayLike:
    """The values, which become an array only if a program would not take them as they are."""
    plain = isinstance(values, jax.Array | np.generic | int | float | complex)
    return values if plain or type(values) is np.ndarray else jnp.asarray(values)


def as_floats(values: ArrayLike, name: str) -> jax.Array:
    """The values as float32 or wider; integers are refused.

    Example:
        >>> as_floats(2.0, "logits")
        Array(2., dtype=float32)
    """
    return widened(check_floats(values, name))


def as_real(values: ArrayLike, name: str) -> jax.Array:
    """The values as an array of real numbers or booleans.

    Example:
        >>> as_real([0, 1], "labels")
        Array([0, 1], dtype=int32)
    """
    return jnp.asarray(check_real(values, name))


def widened(values: ArrayLike) -> jax.Array:
    """Real numbers as float32 or wider.

    Example:
        >>> widened(True)
        Array(1., dtype=float32)
    """
    array = jnp.asarray(values)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))
