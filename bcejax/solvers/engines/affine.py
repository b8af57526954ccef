"""The examples of newton.py: their logits are affine in a few params, with columns for factors."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.losses import bce_gradient, bce_with_logits
from bcejax.solvers.matrices import shown

BLOCK = 4096  # examples whose terms stay in the cache
STRIDE = 16  # one example of so many is in a sample


class Affine(NamedTuple):
    """All of V, in blocks; a column is (blocks, length), or () where it is constant."""

    columns: tuple[jax.Array, ...]
    labels: jax.Array  # (blocks, length)
    weights: jax.Array  # likewise
    offset: jax.Array  # likewise, or ()
    ridge: jax.Array  # (d,)

    @classmethod
    def of(
        cls,
        columns: Sequence[ArrayLike],
        labels: ArrayLike,
        weights: ArrayLike | None,
        offset: ArrayLike,
        ridge: ArrayLike,
    ) -> "Affine":
        """Arguments of ``minimise_bce`` in one dtype, 0 for what lies wrong under weight 0."""
        labels = jnp.asarray(labels)
        if not columns or labels.ndim != 1:
            raise ValueError(
                f"{len(columns)} columns and labels {labels.shape} came; give 1 and (n,)"
            )
        dtype = jnp.promote_types(jnp.result_type(*columns, offset), jnp.float32)
        weights = jnp.asarray(1 if weights is None else weights, dtype)
        arrays = [jnp.asarray(each, dtype) for each in (*columns, offset)]
        for array in (*arrays, weights):
            if array.shape not in ((), labels.shape):
                raise ValueError(f"an array of shape {array.shape} came with labels {labels.shape}")
        weights = jnp.broadcast_to(weights, labels.shape)
        blocks = -(-len(labels) // BLOCK)
        padding = -len(labels) % blocks

        def laid(array: jax.Array) -> jax.Array:
            return jnp.pad(array, (0, padding)).reshape(blocks, -1)

        hidden = weights == 0
        *kept, offset = (laid(shown(each, hidden)) if each.ndim else each for each in arrays)
        targets = laid(shown(labels.astype(dtype), hidden, 1))
        ridge = jnp.broadcast_to(jnp.asarray(ridge, dtype), (len(columns),))
        return cls(tuple(kept), targets, laid(weights), offset, ridge)

    def moved(self, params: jax.Array) -> jax.Array:
        """sum_j f_j b_j of each example."""
        terms = (b * f for b, f in zip(params, self.columns, strict=True))
        return jnp.broadcast_to(sum(terms), self.labels.shape)

    def logits(self, params: jax.Array) -> jax.Array:
        """x of each example."""
        return self.offset + self.moved(params)

    def value(self, params: jax.Array) -> jax.Array:
        """V."""
        losses = self.weights * bce_with_logits(self.logits(params), self.labels)
        return jnp.sum(losses) + self.ridge @ params**2 / 2

    def gradient(self, params: jax.Array) -> jax.Array:
        """G, (d,)."""
        slopes = self.weights * bce_gradient(self.logits(params), self.labels)
        return jnp.stack([jnp.sum(slopes * f) for f in self.columns]) + self.ridge * params

    def block(self, i: ArrayLike) -> "Affine":
        """The i-th; its arrays are (length,)."""
        return jax.tree.map(lambda each: each[i] if each.ndim == 2 else each, self)

    def blocks(self) -> "Blocks":
        """All of them."""
        return Blocks(self.block, len(self.labels), jnp.sum(self.weights), self.ridge)

    def sample(self) -> "Affine":
        """Every 16th example, in blocks of the same length, with a 16th of the ridge."""
        length = self.labels.shape[1]

        def thin(each: jax.Array) -> jax.Array:
            few = each[:, ::STRIDE].ravel()
            return jnp.pad(few, (0, -len(few) % length)).reshape(-1, length)

        sample = jax.tree.map(lambda each: thin(each) if each.ndim == 2 else each, self)
        return sample._replace(ridge=self.ridge / STRIDE)


class Blocks(NamedTuple):
    """What a pass takes: all examples or a sample of them."""

    block: Callable[[ArrayLike], Affine]
    number: ArrayLike
    weight: jax.Array  # of all of them
    ridge: jax.Array
