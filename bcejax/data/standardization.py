"""Bring every column to mean 0 and standard deviation 1, as the training part has them.

For a column x of n training values with weights w (1 where none are given)

    mean   m = sum(w x) / sum(w)
    scale  s = sqrt(sum(w (x - m)^2) / sum(w)),   1 where the column is constant
    output (x - m) / s

Rows of weight 0 are left out. The other parts are moved by the *training* m and s: statistics of
held-out rows would leak into the model.

Digits. A column is first divided by the power of two above its largest magnitude, so that no
sum or square overflows or underflows, and then shifted by its heaviest value (the first of
them), so that a large common offset cancels exactly; all in float64 on the host. A column is
constant if every value equals that one, which needs no tolerance: the rounded mean of n copies of
0.1 can differ from 0.1, and dividing by such a difference would make noise of size 1.

References: T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample
variance: analysis and recommendations, The American Statistician 37 (1983).
"""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.data.records import Array
from bcejax.data.splitting import Split, ThreeWaySplit

AnySplit = TypeVar("AnySplit", Split, ThreeWaySplit)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Standardizer:
    """The affine map that a training part has fixed; a pytree, and a function of inputs.

    Attributes:
        mean: (d,), float64.
        scale: (d,), float64, positive; 1 for a constant column.

    Example:
        >>> standardizer = fit_standardizer(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> standardizer(np.array([[1.0, 5.0], [2.0, 6.0]]))
        array([[-1.,  0.],
               [ 0.,  1.]])
    """

    mean: Array
    scale: Array

    def __call__(self, inputs: Array) -> Array:
        """Standardise inputs (..., d).

        NumPy inputs are moved in float64 on the host and rounded once to their own dtype (at
        least float32; integers of 32 bits and more become float64). JAX inputs are moved in
        their own dtype (at least float32), under ``jit`` too: there the mean is rounded, which
        shifts a column by up to half an ulp of its mean, and a scale below the smallest normal
        number gives 0.

        Raises:
            ValueError: the last axis is not d.
        """
        if np.shape(inputs)[-1:] != np.shape(self.mean):
            raise ValueError(
                f"inputs must be (..., {np.shape(self.mean)[0]}) as at the fit, "
                f"got {np.shape(inputs)}"
            )
        if isinstance(inputs, jax.Array) or isinstance(self.mean, jax.Array):
            return self._on_device(jnp.asarray(inputs))
        inputs = np.asarray(inputs)
        moved = (inputs - self.mean) / self.scale
        return moved.astype(np.result_type(inputs.dtype, np.float32))

    def _on_device(self, inputs: jax.Array) -> jax.Array:
        dtype = jnp.promote_types(inputs.dtype, jnp.float32)
        mean, scale = jnp.asarray(self.mean, dtype), jnp.asarray(self.scale, dtype)
        # XLA flushes subnormals: 0 / tiny is 0 where 0 / 0 would be nan
        return (inputs.astype(dtype) - mean) / jnp.maximum(scale, jnp.finfo(dtype).tiny)


def fit_standardizer(inputs: Array, weights: Array | None = None) -> Standardizer:
    """Mean and standard deviation of each column, to be taken from the training part.

    Args:
        inputs: (n, d) finite numbers, in magnitude at most a quarter of the largest number of
            their dtype (float64 for integers).
        weights: (n,) how much each row counts, as so many copies of it; None counts all alike.

    Returns:
        The map, in float64. Without weights the relative error of the scale is at most 8 n eps,
        of the mean at most 4 n eps of the column's largest magnitude
        (tests/data/test_standardization.py, against rational arithmetic).

    Raises:
        ValueError: inputs are not (n, d) with n >= 1; nan, inf or a too large number (names
            column and row); weights are not (n,), finite and >= 0, or all are 0.

    Example:
        >>> fit_standardizer(np.array([[0.0], [2e300]])).scale
        array([1.e+300])
    """
    given = np.asarray(inputs)
    if given.ndim != 2 or given.shape[0] == 0:
        raise ValueError(f"inputs must be (n, d) with n >= 1, got {given.shape}")
    columns = given.astype(np.float64)
    narrow = np.result_type(given.dtype, np.float32) == np.float32
    _check_range(columns, np.float32 if narrow else np.float64)
    mean, scale = moments(columns, None if weights is None else _checked(weights, len(columns)))
    constant = scale < np.finfo(np.float64).tiny  # exactly 0, or too small to divide by
    return Standardizer(mean, np.where(constant, 1.0, scale))


def moments(columns: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (d,) of float64 columns (n, d); exactly 0 for a constant one."""
    heaviest = 0
    if weights is not None:
        columns, weights = columns[weights > 0], weights[weights > 0]
        weights = weights / weights.max()  # so that their sum is finite
        heaviest = int(weights.argmax())
    _, exponent = np.frexp(np.abs(columns).max(axis=0))
    base = np.ldexp(columns[heaviest], -exponent)
    shifted = np.ldexp(columns, -exponent) - base
    centre = np.average(shifted, axis=0, weights=weights)
    spread = np.sqrt(np.average(np.square(shifted - centre), axis=0, weights=weights))
    return np.ldexp(base + centre, exponent), np.ldexp(spread, exponent)


def standardize(parts: AnySplit) -> tuple[AnySplit, Standardizer]:
    """Standardise every part of a split by its training part alone, weighted if that is.

    Args:
        parts: a ``Split`` or ``ThreeWaySplit``; labels and weights pass unchanged.

    Returns:
        The moved split and the map, which new data has to go through as well.

    Raises:
        ValueError: as ``fit_standardizer`` does for the training part.

    Example:
        >>> from bcejax.data import Batch
        >>> train = Batch(np.array([[0.0], [4.0]]), np.array([0, 1]))
        >>> held = Batch(np.array([[4.0], [6.0]]), np.array([1, 1]))
        >>> moved, standardizer = standardize(Split(train, held))
        >>> moved.validation.inputs.tolist()
        [[1.0], [2.0]]
    """
    standardizer = fit_standardizer(parts.train.inputs, parts.train.weights)
    moved = [part._replace(inputs=standardizer(part.inputs)) for part in parts]
    return type(parts)(*moved), standardizer


def _check_range(columns: np.ndarray, dtype: type[np.floating]) -> None:
    """Finite, and so small that differences, and scales' reciprocals (XLA's way), are normal."""
    largest = float(np.finfo(dtype).max) / 4
    good = np.abs(columns) <= largest  # False at nan
    if not good.all():
        row, column = np.argwhere(~good)[0]
        raise ValueError(
            f"inputs must be finite and at most {largest:.1e} in magnitude, "
            f"got {columns[row, column]} in row {row}, column {column}"
        )


def _checked(weights: Array, n: int) -> np.ndarray:
    """As float64."""
    wide = np.asarray(weights).astype(np.float64)
    good = (wide >= 0) & np.isfinite(wide)  # False at nan
    if wide.shape != (n,) or not (good.all() and wide.any()):
        raise ValueError(f"weights must be ({n},), finite and >= 0 and not all 0")
    return wide
