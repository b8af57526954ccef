"""The door of ``fit``: values are judged here, once, before anything is compiled.

Shapes against the model and the loss are judged where the step is traced.
"""

import jax
import numpy as np
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.numerics import check_labels
from bcejax.training.sharding import place

_NUMBERS = (np.floating, np.integer, np.bool_)


def admit(
    batch: Batch,
    name: str,
    dtype: np.dtype,
    like: Batch | None = None,
    mesh: Mesh | None = None,
) -> Batch:
    """The batch in ``dtype``, where programs take it from (``place``), if it can be learnt from.

    Args:
        batch: inputs (n, d), labels (n,), weights (n,) or None.
        name: what to call it in messages.
        dtype: what to cast its arrays to.
        like: a batch whose columns it must have; None takes any.
        mesh: the devices that each get it whole; None is the default one.

    Raises:
        TypeError: not a batch, or an array does not hold numbers.
        ValueError: a shape or a value that cannot be used; the line names it.
    """
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        kind = type(batch).__name__
        raise TypeError(f"{name} must be a Batch(inputs, labels, weights), got {kind}")
    batch = Batch(*batch)
    _check_shapes(batch, name, like)
    check_labels(batch.labels)
    inputs = _cast(batch.inputs, f"{name} inputs", dtype)
    labels = _cast(batch.labels, f"{name} labels", dtype)
    weights = None if batch.weights is None else _cast(batch.weights, f"{name} weights", dtype)
    if weights is not None:
        _check_weights(np.asarray(weights), name)
    return place(Batch(inputs, labels, weights), mesh)


def largest_input(batch: Batch) -> tuple[float, int]:
    """The largest |input| and, for inputs (n, d), the column where it stands."""
    inputs = np.abs(np.asarray(batch.inputs))
    place = np.unravel_index(inputs.argmax(), inputs.shape)
    return float(inputs[place]), int(place[-1])


def _check_shapes(batch: Batch, name: str, like: Batch | None) -> None:
    shape = np.shape(batch.inputs)
    if len(shape) < 2:
        raise ValueError(f"{name} inputs must be (n, d), one row per example; got {shape}")
    if 0 in shape:
        raise ValueError(f"{name} inputs must hold an example and a column at least; got {shape}")
    if like is not None and shape[1:] != like.inputs.shape[1:]:
        columns = ", ".join(map(str, like.inputs.shape[1:]))
        raise ValueError(f"{name} inputs must be (n, {columns}), as those of train; got {shape}")
    for field in ("labels", "weights"):
        array = getattr(batch, field)
        if array is not None and np.shape(array) != shape[:1]:
            raise ValueError(
                f"{name} {field} must be {shape[:1]}, one per row of inputs {shape}; "
                f"got {np.shape(array)}"
            )


def _cast(array: ArrayLike, name: str, dtype: np.dtype) -> np.ndarray | jax.Array:
    """The array in ``dtype``, where it has already been put, if it is finite there."""
    array = array if isinstance(array, jax.Array) else np.asarray(array)
    if not any(jax.dtypes.issubdtype(array.dtype, kind) for kind in _NUMBERS):
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named below
        cast = array.astype(dtype, copy=False)
        total = np.asarray(cast).sum()
    if np.isfinite(total):  # so is each number, and that without an array of answers
        return cast
    finite = np.isfinite(np.asarray(cast))
    if not finite.all():
        place = tuple(np.argwhere(~finite)[0].tolist())
        where = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), place, strict=False))
        raise ValueError(f"{name} must be finite in {dtype}; {where} holds {array[place]}")
    return cast


def _check_weights(weights: np.ndarray, name: str) -> None:
    if weights.min() < 0:
        row = int(weights.argmin())
        raise ValueError(f"{name} weights must be 0 or more; row {row} holds {weights[row]}")
    if weights.max() == 0:
        raise ValueError(f"{name} weights are all 0: nothing counts")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(f"{name} weights add up to more than {weights.dtype} holds: scale them")
