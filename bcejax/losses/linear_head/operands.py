"""What the reduced loss of a linear head depends on, checked at the public door."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses.arguments import as_real
from bcejax.numerics import is_traced


class Positives(NamedTuple):
    """Hard labels by the places of their ones, so that the label matrix is never whole.

    Row i lists the labels that are 1 for example i, in any order; each counts once, however often
    it is listed.  Places left over hold -1.

    Example:
        >>> Positives(jnp.array([[7, 2], [4, -1]])).indices.shape  # labels 7 and 2; label 4
        (2, 2)
    """

    indices: ArrayLike  # (n, k) integers in [-1, L)


class Columns(NamedTuple):
    """What has a column for each label, or one for all: arrays (., L) or (., 1), in their dtypes.

    They are not cast, for a copy may be too large.
    """

    kernel: jax.Array  # (d, L)
    bias: jax.Array | None  # (1, L)
    labels: jax.Array | None  # (n, L); None where there are indices
    pos_weight: jax.Array | None  # (1 or n, 1 or L), as are the next two
    weights: jax.Array | None
    where: jax.Array | None


class Operands(NamedTuple):
    """Arrays that fit each other."""

    features: jax.Array  # (n, d)
    indices: jax.Array | None  # (n, k)
    columns: Columns


def operands_of(
    features: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None,
    labels: ArrayLike | Positives,
    pos_weight: ArrayLike | None,
    weights: ArrayLike | None,
    where: ArrayLike | None,
) -> Operands:
    """The arguments of ``linear_bce``, which says what raises.

    Example:
        >>> x, w, y = jnp.ones((2, 3)), jnp.ones((3, 5)), jnp.ones((2, 5))
        >>> operands_of(x, w, None, y, None, jnp.ones((2, 1)), True).columns.where.shape
        (1, 1)
    """
    x, w = _floats(features, "features", "n", "d"), _floats(kernel, "kernel", "d", "L")
    if x.shape[1] != w.shape[0]:
        raise ValueError(f"features have shape {x.shape}, kernel {w.shape}: d must be one")
    shape = x.shape[0], w.shape[1]
    b = None if bias is None else _floats(bias, "bias", "L")
    if b is not None and b.shape != shape[1:]:
        raise ValueError(f"bias has shape {b.shape}, kernel {w.shape}: L must be one")
    keep = None if where is None else _fitting(where, "where", shape)
    if keep is not None and keep.dtype != bool:
        raise TypeError(f"where must be boolean, got {keep.dtype}; numbers go into weights")
    return Operands(
        x,
        _places(labels.indices, shape, keep) if isinstance(labels, Positives) else None,
        Columns(
            w,
            None if b is None else b[None],
            None if isinstance(labels, Positives) else _dense(labels, shape),
            None if pos_weight is None else _fitting(pos_weight, "pos_weight", shape),
            None if weights is None else _fitting(weights, "weights", shape),
            keep,
        ),
    )


def _floats(values: ArrayLike, name: str, *axes: str) -> jax.Array:
    array = as_real(values, name)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != len(axes):
        raise ValueError(f"{name} has shape {array.shape}; it takes {', '.join(axes)}")
    return array


def _fitting(values: ArrayLike, name: str, shape: tuple[int, int]) -> jax.Array:
    """The values with two axes, of which each is full or 1; nothing is repeated."""
    array = as_real(values, name)
    wide = (1,) * (2 - array.ndim) + array.shape
    if len(wide) > 2 or any(size not in (1, full) for size, full in zip(wide, shape, strict=True)):
        hint = ""
        if array.shape == shape[:1]:
            hint = f"; one for each example goes in as {(shape[0], 1)}"
        raise ValueError(
            f"{name} has shape {array.shape}, which does not broadcast to logits {shape}{hint}"
        )
    return array.reshape(wide)


def _dense(labels: ArrayLike, shape: tuple[int, int]) -> jax.Array:
    array = as_real(labels, "labels")
    if array.shape != shape:
        raise ValueError(
            f"labels have shape {array.shape}, logits {shape}: they must be equal;"
            " indices of positives go in as Positives(indices)"
        )
    return array


def _places(indices: ArrayLike, shape: tuple[int, int], keep: jax.Array | None) -> jax.Array:
    array = as_real(indices, "indices")
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"indices must be integers, got {array.dtype}")
    if array.ndim != 2 or array.shape[0] != shape[0]:
        raise ValueError(f"indices have shape {array.shape}; they take n, k with n = {shape[0]}")
    if not is_traced(array, keep):
        _check_range(np.asarray(indices), shape[1], np.ones((1, 1), bool) if keep is None else keep)
    # Signed, for -1 is none, and with room for the number of labels.
    return array.astype(jnp.int64 if array.dtype.itemsize == 8 else jnp.int32)


def _check_range(indices: np.ndarray, n_labels: int, keep: ArrayLike) -> None:
    counts = np.asarray(keep).any(axis=1, keepdims=True)
    outside = ((indices < -1) | (indices >= n_labels)) & counts
    if outside.any():
        row, place = np.argwhere(outside)[0]
        found = indices[row, place]
        raise ValueError(f"indices lie in [-1, {n_labels}), found {found} in row {row}")
