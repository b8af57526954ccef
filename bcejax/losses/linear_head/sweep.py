"""Linear layer and binary cross-entropy in one sweep over the labels.

For features X (n, d), a kernel W (d, L), a bias b (L,), labels Y (n, L), weights w and a scale a,

    value      V = a sum_ij w_ij l(z_ij, y_ij),    Z = X W + b
    gradient   G = a w l'(Z, Y),    dV/dX = G W',    dV/dW = X' G,    dV/db = sum_i G_i

G is elementwise in the logits Z: nothing couples the labels.  So one sweep over chunks of labels
gives the value and all gradients, and holds Z and G of one chunk at a time.  On each chunk it takes
the sum of the losses, and JAX's own derivative of it.

The rule of the whole is a ``custom_jvp``: value and gradients by one sweep, then the gradients'
inner products with the tangents.  Transposed, this is reverse mode, without another sweep.
Derivatives of higher order go through the sweep, which then recomputes each chunk.

A chunk takes its share of each of s equal stripes of the labels: an array whose labels lie spread
over s devices stays where it is, and all have work in each step.

Source: P.-L. Hsu et al., Liger Kernel: Efficient Triton Kernels for LLM Training (2024), where the
softmax's gradient is taken with its value, chunk by chunk.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from bcejax.losses.linear_head.operands import Operands
from bcejax.losses.reduction import weighed
from bcejax.losses.settings import bounded_weight
from bcejax.numerics import absorb, bernoulli_variance, scalar, within


class Path(NamedTuple):
    """How the sweep goes: the labels in equal stripes, of each so many at a time."""

    stripes: int
    width: int


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def total(operands: Operands, scale: jax.Array, path: Path) -> jax.Array:
    """The value, in the dtype of the scale, which is that of the features.

    Example:
        >>> from bcejax.losses.linear_head.operands import Columns
        >>> columns = Columns(jnp.zeros((3, 8)), None, jnp.ones((2, 8)), None, None, None)
        >>> total(Operands(jnp.ones((2, 3)), None, columns), jnp.array(1 / 16), Path(1, 3))
        Array(0.6931472, dtype=float32)
    """
    return _swept(operands, scale, path, ())[0]


@partial(total.defjvp, symbolic_zeros=True)
def _total_jvp(path, primals, tangents):  # type: ignore[no-untyped-def]
    dots = jax.tree.leaves(tangents)
    wanted = tuple(i for i, dot in enumerate(dots) if not isinstance(dot, SymbolicZero))
    value, gradients = _swept(*primals, path, wanted)
    dot = jnp.zeros_like(value)
    for i, gradient in zip(wanted, gradients, strict=True):
        dot += jnp.sum(gradient.astype(value.dtype) * dots[i].astype(value.dtype))
    return value, dot


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _swept(
    operands: Operands, scale: jax.Array, path: Path, wanted: tuple[int, ...]
) -> tuple[jax.Array, list[jax.Array]]:
    return _sweep(operands, scale, path, wanted)


@_swept.defjvp
def _swept_jvp(path, wanted, primals, tangents):  # type: ignore[no-untyped-def]
    # jax 0.10 drops the rules inside a scan that it linearizes; behind a rule it finds none to drop
    dots = jax.jvp(partial(_sweep, path=path, wanted=wanted), primals, tangents)[1]
    return _swept(*primals, path, wanted), dots


def _sweep(
    operands: Operands, scale: jax.Array, path: Path, wanted: tuple[int, ...]
) -> tuple[jax.Array, list[jax.Array]]:
    """The value, and the gradients in the leaves of the arguments that are wanted."""
    n_labels = operands.columns.kernel.shape[1]
    stripe = n_labels // path.stripes
    leaves, tree = jax.tree.flatten((operands, scale))
    one_each = jax.tree.map(lambda column: column.shape[1] == n_labels, operands.columns)
    shared = jax.tree.map(lambda _: False, operands)
    cut = [*jax.tree.leaves(shared._replace(columns=one_each)), False]

    def sums(chosen: list[jax.Array], blocks: list[jax.Array], i: jax.Array) -> jax.Array:
        mixed = list(blocks)
        for place, block in zip(wanted, chosen, strict=True):
            mixed[place] = block
        parts, factor = jax.tree.unflatten(tree, mixed)
        return factor * _sums(parts, i, path, stripe)

    @partial(jax.checkpoint, prevent_cse=False)  # a scan needs no such barrier
    def chunk(leaves: list[jax.Array], i: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        start = _start(i, path, stripe)
        blocks = [
            _cut(leaf, start, path) if is_cut else leaf
            for leaf, is_cut in zip(leaves, cut, strict=True)
        ]
        chosen = [blocks[place] for place in wanted]
        value, pull = jax.vjp(lambda chosen: sums(chosen, blocks, i), chosen)
        return value, pull(jnp.ones_like(value))[0]

    def step(carry, i):  # type: ignore[no-untyped-def]
        value, gradients = chunk(leaves, i)
        start = _start(i, path, stripe)
        so_far = [
            _add(total, gradient, start, path) if cut[place] else total + gradient
            for place, total, gradient in zip(wanted, carry[1], gradients, strict=True)
        ]
        return (carry[0] + value, so_far), None

    rows = jnp.zeros(len(operands.features), scale.dtype)
    empty = rows, [jnp.zeros_like(leaves[place]) for place in wanted]
    empty = jax.tree.map(lambda zeros: varying(zeros, axes_of(scale)), empty)
    (rows, gradients), _ = lax.scan(step, empty, jnp.arange(-(-stripe // path.width)))
    return jnp.sum(rows), gradients


def axes_of(array: jax.Array) -> frozenset[str]:
    """The axes of devices over which an array varies, inside shard_map; elsewhere none.

    Example:
        >>> axes_of(jnp.ones(2))
        frozenset()
    """
    axes: frozenset[str] = jax.typeof(array).manual_axis_type.varying
    return axes


def varying(array: jax.Array, axes: frozenset[str]) -> jax.Array:
    """The array as one that varies over these axes too.

    Its gradient is then that of the device's own part, and is summed over devices once, at the end.

    Example:
        >>> varying(jnp.ones(2), frozenset())
        Array([1., 1.], dtype=float32)
    """
    missing = tuple(axes - axes_of(array))
    return lax.pcast(array, missing, to="varying") if missing else array


def _start(i: jax.Array, path: Path, stripe: int) -> jax.Array:
    """Where in each stripe chunk i starts; the last one may overlap the one before."""
    return jnp.minimum(i * path.width, stripe - path.width)


def _striped(array: jax.Array, path: Path) -> jax.Array:
    """An array (., L), or a part of it, with an axis for the stripes."""
    return array.reshape(len(array), path.stripes, array.shape[1] // path.stripes)


def _cut(column: jax.Array, start: jax.Array, path: Path) -> jax.Array:
    """The part of an array (., L) in a chunk."""
    part = lax.dynamic_slice_in_dim(_striped(column, path), start, path.width, axis=-1)
    return part.reshape(len(column), -1)


def _add(total: jax.Array, block: jax.Array, start: jax.Array, path: Path) -> jax.Array:
    """The gradient in an array (., L), with that of a chunk."""
    striped, block = _striped(total, path), _striped(block, path)
    block += lax.dynamic_slice_in_dim(striped, start, path.width, axis=-1)
    return lax.dynamic_update_slice_in_dim(striped, block, start, axis=-1).reshape(total.shape)


def _sums(blocks: Operands, i: jax.Array, path: Path, stripe: int) -> jax.Array:
    """The sum of each example's losses in chunk i, (n,)."""
    features, indices, (kernel, bias, labels, pos_weight, weights, where) = blocks
    kernel = kernel.astype(features.dtype)
    if where is not None:
        kernel = jnp.where(where.any(axis=0), kernel, 0)  # nan may lie in a label left out
    logits = features @ kernel
    if bias is not None:
        logits += bias.astype(features.dtype)
    if labels is None:
        assert indices is not None
        labels = _hits(indices, i, path, stripe)
    if stripe % path.width:
        fresh = jnp.arange(path.width) + _start(i, path, stripe) >= i * path.width
        fresh = jnp.tile(fresh, path.stripes)[None]
        where = fresh if where is None else where & fresh
    losses = _losses(logits, labels, pos_weight, where)
    if weights is not None:
        # not by reduce_losses, of whose weights XLA would store one for each loss
        losses, _ = weighed(losses, weights.astype(losses.dtype), where)
    return jnp.sum(losses, axis=1)


def _losses(
    logits: jax.Array, labels: jax.Array, pos_weight: jax.Array | None, where: jax.Array | None
) -> jax.Array:
    """``bce_with_logits``, in forms of which XLA stores less on the way."""

    def counted(values: jax.Array, stand_in: float) -> jax.Array:
        return values if where is None else jnp.where(where, values, stand_in)

    x, c = counted(logits, 0), pos_weight
    if c is not None:
        c = bounded_weight(counted(c.astype(x.dtype), 1))
    if labels.dtype == bool:
        losses = _softplus(jnp.where(labels, -x, x))
        losses = losses if c is None else absorb(jnp.where(labels, c, 1), losses)
    else:
        y = within(counted(labels.astype(x.dtype), 0), 0.0, 1.0)
        losses = absorb(y if c is None else c * y, _softplus(-x)) + absorb(1 - y, _softplus(x))
    return counted(losses, 0)


# As bcejax.numerics has them, by one operation of XLA each, or few: see gates.py there.
@jax.custom_jvp
def _softplus(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, scalar(0, x)) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@jax.custom_jvp
def _sigmoid(x: jax.Array) -> jax.Array:
    return lax.logistic(x)


_softplus.defjvps(lambda dot, out, x: dot * _sigmoid(x))
_sigmoid.defjvps(lambda dot, out, x: dot * bernoulli_variance(x))


def _hits(indices: jax.Array, i: jax.Array, path: Path, stripe: int) -> jax.Array:
    """The labels of chunk i as booleans."""
    column = indices % stripe - _start(i, path, stripe)
    inside = (indices >= 0) & (column >= 0) & (column < path.width)
    size = path.stripes * path.width
    places = jnp.where(inside, indices // stripe * path.width + column, size)
    row = jnp.zeros(size, bool)
    return jax.vmap(lambda each: row.at[each].set(True, mode="drop"))(places)
