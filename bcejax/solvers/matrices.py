"""Inputs dense or sparse: what is done to them besides products with a vector.

Dense are arrays of NumPy's and JAX's; sparse are JAX's BCOO and, on the host, SciPy's CSR, whose
products take a fifth of the time of BCOO's on CPU.  Both sparse kinds know ``A @ v`` and ``v @ A``.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.side_by_side import in_parts
from bcejax.solvers.worlds import world_of

CACHED = 2**18  # numbers that stay in the cache


def is_csr(inputs: Any) -> bool:
    """Whether it is a sparse matrix of SciPy's in rows; without an import of SciPy.

    Example:
        >>> is_csr(np.eye(2))
        False
    """
    return type(inputs).__module__.startswith("scipy.sparse") and inputs.format == "csr"


def is_bcoo(inputs: Any) -> bool:
    """Whether it is a sparse matrix of JAX's, without an import of jax.experimental.sparse.

    Example:
        >>> from jax.experimental.sparse import BCOO
        >>> is_bcoo(BCOO.fromdense(jnp.eye(2)))
        True
    """
    kind = type(inputs)
    return kind.__module__.startswith("jax.experimental.sparse") and kind.__name__ == "BCOO"


def is_sparse(inputs: Any) -> bool:
    """Whether it is a sparse matrix of JAX's or, in rows, of SciPy's.

    Example:
        >>> is_sparse(np.eye(2))
        False
    """
    return is_bcoo(inputs) or is_csr(inputs)


def dense(inputs: Any) -> Any:
    """What is sparse as an array, and all else as it is.

    Example:
        >>> from jax.experimental.sparse import BCOO
        >>> dense(BCOO.fromdense(jnp.eye(2))).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if is_bcoo(inputs):
        return inputs.todense()
    return inputs.toarray() if hasattr(inputs, "toarray") else inputs


def mapped(inputs: Any, function: Callable[[Any, Any], Any]) -> Any:
    """A function of each entry and the number of its column, which leaves 0 as it is.

    Example:
        >>> mapped(np.array([[1.0, 2.0]]), lambda x, j: x * j)
        array([[0., 2.]])
    """
    if is_csr(inputs):
        data = function(inputs.data, inputs.indices)
        return type(inputs)((data, inputs.indices, inputs.indptr), shape=inputs.shape)
    if not is_bcoo(inputs):
        return function(inputs, np.arange(inputs.shape[1]))
    return type(inputs)(
        (function(inputs.data, inputs.indices[..., 1]), inputs.indices),
        shape=inputs.shape,
        indices_sorted=inputs.indices_sorted,
        unique_indices=inputs.unique_indices,
    )


def shown(values: Any, weightless: Any, most: float | None = None) -> Any:
    """The values, but 0 for what, under weight 0, is no number or too large.

    What is in order stays, for a derivative in the weight asks for it.

    Args:
        values: any dense array.
        weightless: bool, as the values or spread over them: where the weight is 0.
        most: the largest magnitude in order; by default no product of four such overflows.

    Example:
        >>> shown(np.array([1.0, np.nan, 3.0]), np.array([True, True, False]))
        array([1., 0., 3.])
    """
    xp = world_of(values).xp
    most = float(jnp.finfo(values.dtype).max) ** 0.25 if most is None else most
    hidden = weightless & ~(abs(values) <= most)
    if xp is np and not hidden.any():
        return values
    return xp.where(hidden, 0, values)


def centred(inputs: Any, weights: Any) -> tuple[Any, Any]:
    """Dense inputs less the mean of each column under weights that sum to 1, and the means (d,).

    A column that is constant to rounding becomes 0, and so does a row of weight 0.

    Example:
        >>> columns, means = centred(np.array([[1.0, 7.0], [5.0, 7.0]]), np.array([0.5, 0.5]))
        >>> columns[:, 0], columns[:, 1], means
        (array([-2.,  2.]), array([0., 0.]), array([3., 7.]))
    """
    world = world_of(inputs)
    xp, counts = world.xp, weights[:, None] > 0
    means, columns = 0, inputs
    for _ in range(2):  # of many examples the first means are off by more than rounding of one
        shift = world.matmul(weights, columns)
        means, columns = means + shift, xp.where(counts, columns - shift, 0)
    # a constant column is its mean; the largest entry may lie under weight 0
    constant = _largest(columns, xp) <= 8 * jnp.finfo(inputs.dtype).eps * abs(means)
    return xp.where(constant, 0, columns), means


def constant_columns(inputs: Any, weights: Any, likely: Any) -> Any:
    """1 for columns that are constant to rounding where there is weight, else 0, (d,).

    Args:
        inputs: (n, d), dense or sparse.
        weights: (n,).
        likely: (d,) bool: which may be; where none is, no pass is taken.

    Example:
        >>> some = np.array([[1.0, 7.0], [5.0, 7.0], [7.0, 0.0]])
        >>> constant_columns(some, np.array([0.5, 0.5, 0.0]), np.array([True, True]))
        array([0., 1.])
    """
    world, dtype = world_of(weights), weights.dtype
    xp, counts = world.xp, (weights > 0).astype(dtype)

    def looked_at() -> Any:
        one = (xp.arange(len(weights)) == xp.argmax(weights)).astype(dtype) @ inputs
        slack = 8 * jnp.finfo(dtype).eps * xp.abs(one)
        near = mapped(inputs, lambda x, j: (xp.abs(x - one[j]) <= slack[j]).astype(dtype))
        return (likely & (counts @ near == xp.sum(counts))).astype(dtype)

    return world.cond(xp.any(likely), looked_at, lambda: xp.zeros(likely.shape, dtype))


def column_scales(inputs: Any, weights: Any) -> Any:
    """The root mean square of each column under weights that sum to 1, (d,).

    Squares that over- or underflow are taken of shares of the largest entry.

    Example:
        >>> column_scales(np.array([[3e200], [4e200]]), np.array([0.5, 0.5]))
        array([3.53553391e+200])
    """
    world = world_of(weights)
    xp, limits = world.xp, jnp.finfo(weights.dtype)

    def careful() -> Any:
        largest = _largest(inputs, xp)
        unit = xp.where(largest > 0, largest, 1)
        return unit * xp.sqrt(_mean_squares(mapped(inputs, lambda x, j: x / unit[j]), weights))

    with np.errstate(all="ignore"):
        squares = _mean_squares(inputs, weights)
    safe = (squares > limits.tiny / limits.eps) & (squares < limits.max)
    return world.cond(xp.all(safe), lambda: xp.sqrt(squares), careful)


def _mean_squares(inputs: Any, weights: Any) -> Any:
    """Of each column, (d,)."""
    if is_sparse(inputs):
        return weights @ mapped(inputs, lambda x, _: x * x)
    if isinstance(inputs, np.ndarray):
        length = CACHED // max(1, min(inputs.shape[1], CACHED))

        def part(first: int, end: int) -> Any:
            sums = np.zeros_like(inputs[0])
            room = np.empty_like(inputs[: min(length, end - first)])
            for i in range(first, end, length):
                block = slice(i, min(i + length, end))
                squares = np.square(inputs[block], out=room[: block.stop - i])
                sums += np.dot(weights[block], squares)
            return sums

        return sum(in_parts(len(inputs), inputs.size, part))
    # a sum of products, which JAX takes in one pass, where a product would ask for a copy
    return jnp.sum(weights[:, None] * inputs**2, axis=0)


def _largest(inputs: Any, xp: Any) -> Any:
    """The largest size in each column, (d,)."""
    if is_csr(inputs):
        return abs(inputs).max(axis=0).toarray().ravel()
    if is_bcoo(inputs):
        none = jnp.zeros(inputs.shape[1], inputs.dtype)
        return none.at[inputs.indices[..., 1]].max(jnp.abs(inputs.data))
    return xp.max(xp.abs(inputs), axis=0, initial=0)
