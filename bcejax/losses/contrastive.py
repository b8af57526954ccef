"""All-pairs sigmoid loss of images and texts, never holding all pairs at once.

For embeddings u_i of images and v_j of texts (n, d), where u_i and v_i belong together, a factor a
(``scale``) and an offset b (``bias``),

    logits       x_ij = a u_i . v_j + b,      label y_ij = 1 where i = j, else 0
    loss         L = (1 / n) sum_ij softplus(m_ij),      m_ij = -x_ij where i = j, else x_ij
    slopes       g_ij = s(x_ij) - y_ij = -s(m_ij) where i = j, else s(m_ij)
    gradient     dL/du_i = (a / n) sum_j g_ij v_j,      dL/dv_j = (a / n) sum_i g_ij u_i
                 dL/da = (1 / n) sum_ij g_ij u_i . v_j,      dL/db = (1 / n) sum_ij g_ij

It is the paper's -(1 / n) sum_ij log s(z_ij x_ij) with z = 2 y - 1: a mean over images and a sum
over texts.  By m instead of x and y no digit of a likely pair is lost.

The matrix is made some rows at a time, used and forgotten.  Slopes need no normaliser that all
pairs must be seen for, so one sweep sums loss and gradient; the rule of differentiation returns the
loss and the gradient's inner products with the tangents, so that reverse mode is that one sweep and
forward mode works as well.  Higher derivatives go through the sweep, whose rows are made again
where they are needed.

On many devices each holds some images and their texts.  Texts go round a ring, and the sums for
them go with them: after as many hops as there are other devices they are at home.

Source: X. Zhai, B. Mustafa, A. Kolesnikov and L. Beyer, Sigmoid loss for language image
pre-training (2023).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from bcejax.losses.arguments import as_real
from bcejax.losses.partitioning import by_partitioner
from bcejax.numerics.options import check_count

MOST, LEAST = 512, 128  # rows at a time; fewer are slower, and more are not faster on CPU
PAIRS = 2**20  # at a time, as long as LEAST rows have not more


class _Sums(NamedTuple):
    """Over pairs; the last four, without which it is the loss alone, with the slopes."""

    loss: jax.Array  # ()
    image: jax.Array | None = None  # (n, d), sum_j g_ij v_j
    text: jax.Array | None = None  # (n, d), sum_i g_ij u_i
    scale: jax.Array | None = None  # (), sum_ij g_ij u_i . v_j
    bias: jax.Array | None = None  # (), sum_ij g_ij


def sigmoid_contrastive(
    image_emb: ArrayLike,
    text_emb: ArrayLike,
    scale: ArrayLike,
    bias: ArrayLike,
    *,
    chunk: int | None = None,
    axis_name: str | None = None,
) -> jax.Array:
    """SigLIP's loss: binary cross-entropy of every image with every text, summed, per image.

        L = (1 / n) sum_ij l(scale u_i . v_j + bias, [i = j]),   l = bce_with_logits

    Args:
        image_emb: floats (n, d), one row for each image; normalise them before, if at all.
        text_emb: floats (n, d), text i belonging to image i.
        scale: the factor itself; where its logarithm is learnt, as in the paper, pass the exp.
        bias: number added to every logit; the paper starts at scale 10 and bias -10.
        chunk: rows of the matrix of pairs that are there at a time; any number may be left over.
            Unless given 512, of more than 2048 texts fewer, but not less than 128.
        axis_name: inside ``jax.shard_map``, the axis over whose devices the pairs are spread: each
            passes its own images and their texts, equally many.

    Returns:
        The loss, a number >= 0 in the embeddings' dtype, at least float32, in which all is summed;
        with ``axis_name`` each device has the mean over all images.  0 where there are none.
        Gradients go back in the dtype of what they are for.

    Raises:
        TypeError: embeddings are not floats, scale or bias not real, or chunk is no integer.
        ValueError: shapes differ or are not (n, d), scale or bias is not one number, or chunk is
            below 1.

    Memory:
        Beside arguments and results, 3 chunk n + n d numbers at most for the gradient, 2 chunk n
        for the loss alone, and about 6 chunk n for Hessian products, where the whole matrix takes
        n n three times.  On a ring, n is what one device holds.

    On a ring:
        Take gradients outside of ``jax.shard_map``, or inside it with check_vma=True, its default:
        they are those of the mean over all, the ones for scale and bias already summed.  (With
        check_vma=False only outside: jax then differentiates what every device returns, and adds.)
        Each device sends its texts and their sums on, as often as there are other devices.  What
        jit does with arrays that are merely sharded (on axes of any type) is right, but gathers
        more than it must.

    Accuracy:
        In float32 on CPU, for 452 unit embeddings and scale 10 or 100, against float64 on the whole
        matrix: relative error of the loss 1e-6, of each gradient and Hessian product 3e-6 of its
        norm, in chunks and on a ring (tests/losses/test_contrastive.py).  On other devices products
        are as exact as jax_default_matmul_precision has them.

    Example:
        >>> images = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        >>> sigmoid_contrastive(images, images, 10.0, -5.0)
        Array(2.919..., dtype=float32)
        >>> jax.grad(sigmoid_contrastive, 3)(images, images, 10.0, -5.0)
        Array(1.120..., dtype=float32, weak_type=True)
    """
    images, texts = _embeddings(image_emb, "image_emb"), _embeddings(text_emb, "text_emb")
    if images.shape != texts.shape:
        raise ValueError(
            f"text_emb has shape {texts.shape}, image_emb {images.shape}: they must be equal"
        )
    rows = rows_at_a_time(len(texts)) if chunk is None else chunk
    check_count("chunk", rows)
    dtype = jnp.promote_types(jnp.promote_types(images.dtype, texts.dtype), jnp.float32)
    a, b = (_number(*each).astype(dtype) for each in ((scale, "scale"), (bias, "bias")))
    return by_partitioner(
        lambda *each: _mean_loss(*each, int(rows), axis_name), images, texts, a, b
    )


def rows_at_a_time(texts: int) -> int:
    """How many rows of the matrix of pairs are there at a time, unless a chunk is given.

    Example:
        >>> rows_at_a_time(4096)
        256
    """
    return min(MOST, max(LEAST, PAIRS // max(texts, 1)))


def _embeddings(values: ArrayLike, name: str) -> jax.Array:
    array = as_real(values, name)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floats, got {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; it takes (n, d)")
    return array


def _number(value: ArrayLike, name: str) -> jax.Array:
    array = as_real(value, name)
    if array.ndim:
        raise ValueError(f"{name} has shape {array.shape}; it takes one number")
    return array


@partial(jax.custom_jvp, nondiff_argnums=(4, 5))
def _mean_loss(
    u: jax.Array, v: jax.Array, a: jax.Array, b: jax.Array, chunk: int, axis: str | None
) -> jax.Array:
    return _mean(_once(u, v, a, b, chunk, axis, slopes=False).loss, len(u), axis)


@partial(_mean_loss.defjvp, symbolic_zeros=True)
def _mean_loss_jvp(chunk, axis, primals, tangents):  # type: ignore[no-untyped-def]
    """Skips what has no tangent: nothing is summed for a frozen tower."""
    u, _, a, _ = primals
    loss, *parts = jax.tree.leaves(_sums(*primals, chunk, axis))
    dot = jnp.zeros_like(loss)
    for factor, part, tangent in zip((a, a, 1, 1), parts, tangents, strict=True):
        if not isinstance(tangent, SymbolicZero):
            dot += factor * jnp.vdot(part, tangent.astype(part.dtype))
    return _mean(loss, len(u), axis), _mean(dot, len(u), axis)


@partial(jax.custom_jvp, nondiff_argnums=(4, 5))
def _sums(
    u: jax.Array, v: jax.Array, a: jax.Array, b: jax.Array, chunk: int, axis: str | None
) -> _Sums:
    return _once(u, v, a, b, chunk, axis, slopes=True)


@_sums.defjvp
def _sums_jvp(chunk, axis, primals, tangents):  # type: ignore[no-untyped-def]
    """What differentiation finds; as a rule it keeps jax from taking the sweep apart before.

    Partial evaluation, with which reverse mode begins, would lift the constants of its scan out of
    it, as arrays, and lose its checkpoints.
    """
    return jax.jvp(partial(_around, chunk=chunk, axis=axis, slopes=True), primals, tangents)


def _mean(total: jax.Array, n: int, axis: str | None) -> jax.Array:
    """Over the images of all devices."""
    mean = total / max(n, 1)
    return mean if axis is None else lax.pmean(mean, axis)


def _around(
    u: jax.Array,
    v: jax.Array,
    a: jax.Array,
    b: jax.Array,
    chunk: int,
    axis: str | None,
    slopes: bool,
) -> _Sums:
    """Sums of this device's images with the texts of all, and of its texts with all images."""
    own = _down(u, v, a, b, chunk, True, slopes)
    devices = 1 if axis is None else lax.axis_size(axis)
    if devices == 1:
        return own
    ring = [(device, (device - 1) % devices) for device in range(devices)]

    def onward(tree):  # type: ignore[no-untyped-def]
        return jax.tree.map(lambda each: lax.ppermute(each, axis, ring), tree)

    def hop(carry, _):  # type: ignore[no-untyped-def]
        texts, for_them, total = carry
        texts = onward(texts)
        part = _down(u, texts, a, b, chunk, False, slopes)
        return (
            texts,
            onward(_plus(for_them, part.text)),
            _plus(total, part._replace(text=None)),
        ), None

    nothing = jax.tree.map(jnp.zeros_like, own.text)
    start = v, nothing, own._replace(text=None)
    (_, returned, total), _ = lax.scan(hop, start, length=devices - 1)
    return total._replace(text=_plus(own.text, returned))


# An eager scan would be compiled in each call.
_once = jax.jit(_around, static_argnames=("chunk", "axis", "slopes"))


def _down(
    u: jax.Array, v: jax.Array, a: jax.Array, b: jax.Array, chunk: int, paired: bool, slopes: bool
) -> _Sums:
    """Sums over all of these images and texts, some images at a time."""
    block = jax.checkpoint(partial(_block, paired=paired, slopes=slopes), prevent_cse=False)
    blocks = len(u) // chunk
    cut = blocks * chunk
    rest = block(u[cut:], v, a, b, cut)
    if not blocks:
        return rest

    def step(text, rows):  # type: ignore[no-untyped-def]
        sums = block(rows[0], v, a, b, rows[1])
        return _plus(text, sums.text), sums._replace(text=None)

    rows = u[:cut].reshape(blocks, chunk, u.shape[1]), chunk * lax.iota(jnp.int32, blocks)
    text, parts = lax.scan(step, rest.text, rows)
    image = None
    if slopes:
        image = jnp.concatenate([parts.image.reshape(cut, u.shape[1]), rest.image])
    totals = jax.tree.map(lambda each: jnp.sum(each, axis=0), parts._replace(image=None))
    return _plus(totals, rest._replace(image=None, text=None))._replace(image=image, text=text)


def _block(
    u: jax.Array,
    v: jax.Array,
    a: jax.Array,
    b: jax.Array,
    first: ArrayLike,
    *,
    paired: bool,
    slopes: bool,
) -> _Sums:
    """Sums over some images with all of these texts; where ``paired``, image i with text first + i.

    Embeddings are widened here, so that those of 16 bits stay so on their way round a ring.
    """
    u, v = u.astype(a.dtype), v.astype(a.dtype)
    logits = a * (u @ v.T) + b
    column, row = (lax.broadcasted_iota(jnp.int32, logits.shape, axis) for axis in (1, 0))
    mate = (column == row + first) if paired else False
    miss = jnp.where(mate, -logits, logits)
    loss = jnp.sum(jnp.sum(_softplus(miss), axis=1))
    if not slopes:
        return _Sums(loss)
    size = _sigmoid(lax.optimization_barrier(miss))  # lest XLA store what it shares with the loss
    slope = jnp.where(mate, -size, size)
    toward = slope @ v
    return _Sums(loss, toward, slope.T @ u, jnp.sum(u * toward), jnp.sum(slope))


# Plain differentiation keeps the digits of these two to every order: each branch is smooth, and its
# exponent at most 0.  Rules of their own, as in bcejax.numerics, would be lost where jax 0.10.1
# differentiates a scan twice, backward first.


def _softplus(x: jax.Array) -> jax.Array:
    right = x >= 0
    return jnp.where(right, x, 0) + jnp.log1p(jnp.exp(jnp.where(right, -x, x)))


def _sigmoid(x: jax.Array) -> jax.Array:
    right = x >= 0
    decay = jnp.exp(jnp.where(right, -x, x))
    return jnp.where(right, 1, decay) / (1 + decay)


def _plus(one, other):  # type: ignore[no-untyped-def]
    return jax.tree.map(jnp.add, one, other)
