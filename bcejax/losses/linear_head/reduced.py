"""The reduced cross-entropy of a linear head, from its arguments to one number."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses.linear_head.operands import Columns, Operands, Positives, operands_of
from bcejax.losses.linear_head.sweep import Path, axes_of, total, varying
from bcejax.losses.partitioning import by_partitioner
from bcejax.numerics.options import check_count

CHUNK = 1024  # labels


def linear_bce(
    features: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None,
    labels: ArrayLike | Positives,
    *,
    pos_weight: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    chunk: int | None = None,
    how: str = "mean",
) -> jax.Array:
    """Binary cross-entropy of a linear layer, reduced, without the logits of all labels at once.

        reduce_losses(bce_with_logits(features @ kernel + bias, labels, ...), ...)

    Args:
        features: floats (n, d).
        kernel: floats (d, L).
        bias: floats (L,), or None; -inf rules a label out.
        labels: numbers in [0, 1] or booleans (n, L); or ``Positives(indices)``, with integers
            (n, k) in [-1, L), where -1 stands for none.  A plain array is never read as indices.
        pos_weight: factor on the y = 1 term, >= 0, broadcast to (n, L); inf is held at
            finfo.max / 2, as ``bce_with_logits`` does.
        weights: how much each loss counts, >= 0, broadcast to (n, L): (n, 1) weighs examples,
            (L,) labels.  At weight 0 a loss that is nan or inf is silent, and an example's
            features that are nan or inf count as 0.  A mean by weights that add up to more than
            finfo.max / 4 is nan.
        where: booleans, broadcast to (n, L); False leaves a loss out.  An example or a label that
            is left out everywhere may hold anything.
        chunk: about how many labels each step of the sweep takes; None is 1024.
        how: "mean" divides by the sum of the weights, "count" by the number unmasked, "sum" by 1.

    Returns:
        One number in the dtype of ``features @ kernel + bias``, float32 for lower precision; in it
        all is computed and added up.  Gradients go back in the dtypes of the arguments.

    Raises:
        TypeError: features, kernel or bias are not floats, indices not integers, labels,
            pos_weight or weights not real numbers, or where not boolean.
        ValueError: shapes do not fit, an index lies outside [-1, L), chunk is below 1, or how is
            unknown.  Where ``jit`` hides the indices, one outside gives nan.

    Derivatives:
        One sweep gives the value and the gradients that are asked for, in features, kernel, bias,
        dense labels, pos_weight or weights; every transformation and order works, and products
        with the Hessian are cheapest forward over reverse.

    Accuracy:
        As the whole computation, whose sums are rounded in another order: in float32 the value
        within 1e-6 and gradients within 1e-6 of their largest entry, but for the gradient in the
        weights of a mean, which is a difference, 4e-6 (tests/losses/test_linear_head.py).

    Memory:
        Beside its arguments and gradients, on CPU and from indices, less than three arrays of n
        times ``chunk``, six with weights or pos_weight, however many labels there are
        (``TestMemory`` there).  Before jax 0.12 XLA adds wide copies of what has 16 bits.

    Devices:
        Shard the batch, or else the labels of kernel, bias and dense labels alike, under ``jit``
        (on axes of any type) or ``shard_map``: gradients alone are summed over devices, and nothing
        is gathered (the test reads the compiled program).  The chunk is that of all devices
        together under ``jit``.

    Example:
        >>> features, kernel = jnp.ones((2, 3)), jnp.zeros((3, 8))
        >>> linear_bce(features, kernel, None, Positives(jnp.array([[7, 2], [4, -1]])))
        Array(0.6931472, dtype=float32)
    """
    if how not in ("mean", "count", "sum"):
        raise ValueError(f"how is one of 'mean', 'count', 'sum', got {how!r}")
    chunk = CHUNK if chunk is None else chunk
    check_count("chunk", chunk)
    operands = operands_of(features, kernel, bias, labels, pos_weight, weights, where)
    path = _path(operands.columns.kernel.shape[1], chunk)
    return by_partitioner(lambda operands: _reduced(operands, how, path), operands)


def _path(n_labels: int, chunk: int) -> Path:
    """As many stripes as labels may be spread over devices; chunks that come out even if some do.

    Inside shard_map an array is what one device holds.
    """
    mesh = jax.sharding.get_abstract_mesh()
    automatic = set(mesh.axis_names) - set(mesh.manual_axes)
    spread = math.prod(mesh.shape[name] for name in automatic)
    stripes = math.gcd(n_labels, jax.device_count() if mesh.empty else spread)
    stripe, least = n_labels // stripes, max(1, -(-n_labels // chunk))
    even = (stripe // steps for steps in range(least, 2 * least) if stripe % steps == 0)
    return Path(stripes, next(even, -(-stripe // least)))


@partial(jax.jit, static_argnums=(1, 2))
def _reduced(operands: Operands, how: str, path: Path) -> jax.Array:
    features, indices, columns = operands
    floats = [each for each in (features, *columns[:2]) if each is not None]
    dtype = jnp.result_type(*floats, jnp.float32)
    if not path.width or not len(features):
        return jnp.zeros((), dtype)
    shape = len(features), columns.kernel.shape[1]
    features = _without_absent(features.astype(dtype), columns)
    if indices is not None:
        features *= _one_or_nan(indices, columns, dtype)
    columns = jax.tree.map(partial(_small_in, dtype), columns)
    arguments = Operands(features, indices, columns), _scale(columns, how, dtype, shape)
    axes = frozenset[str]().union(*map(axes_of, jax.tree.leaves(arguments)))
    return total(*jax.tree.map(lambda each: varying(each, axes), arguments), path)


def _small_in(dtype: jnp.dtype, column: jax.Array) -> jax.Array:
    """Numbers that all labels share, in the dtype in which their gradients are added up."""
    return column if column.shape[1] > 1 or column.dtype == bool else column.astype(dtype)


def _without_absent(features: jax.Array, columns: Columns) -> jax.Array:
    """The features, 0 in examples left out, and for nan and inf in those of weight 0."""
    if columns.where is not None:
        features = jnp.where(columns.where.any(axis=1, keepdims=True), features, 0)
    if columns.weights is not None:
        # finite ones stay, for the loss is the derivative in the weight
        absent = (columns.weights == 0).all(axis=1, keepdims=True) & ~jnp.isfinite(features)
        features = jnp.where(absent, 0, features)
    return features


def _one_or_nan(indices: jax.Array, columns: Columns, dtype: jnp.dtype) -> jax.Array:
    """A factor nan for each example that counts and has an index outside, (n, 1)."""
    outside = (indices < -1) | (indices >= columns.kernel.shape[1])
    faulty = outside.any(axis=1, keepdims=True)
    if columns.where is not None:
        faulty &= columns.where.any(axis=1, keepdims=True)
    return jnp.where(faulty, jnp.array(jnp.nan, dtype), jnp.array(1, dtype))


def _scale(columns: Columns, how: str, dtype: jnp.dtype, shape: tuple[int, int]) -> jax.Array:
    """One over the denominator; 0 where nothing counts, nan where it is subnormal."""
    if how == "sum":
        return jnp.ones((), dtype)
    each = jnp.ones((1, 1), dtype)
    if how == "mean" and columns.weights is not None:
        each = columns.weights.astype(dtype)
    if columns.where is not None:
        # of weights for labels and a mask of examples XLA would store (n, L) otherwise
        for axis in (1, 0):
            if columns.where.shape[axis] == 1:
                each = jnp.mean(each, axis=axis, keepdims=True)
        each = jnp.where(columns.where, each, 0)
    number = jnp.sum(jnp.sum(each, axis=1)) * (math.prod(shape) / each.size)
    inverse = 1 / jnp.where(number == 0, 1, number)
    lost = inverse < jnp.finfo(dtype).tiny  # XLA makes 0 of it, and so would be the loss
    return jnp.where(number == 0, 0, jnp.where(lost, jnp.nan, inverse))
