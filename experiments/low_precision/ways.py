"""The loss on 16-bit logits: computed in 16 bits in three ways, or in float32 and rounded once.

The 16-bit ways take their labels in the logits' format, as optax does, and every step of theirs
is rounded to it. Torch's formula is that of binary_cross_entropy_with_logits, forwards and
backwards (aten/src/ATen/native/Loss.cpp).
"""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax

from bcejax.losses import bce_with_logits

Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]

EXACT, OPTAX, TORCH, PROBS = "exact", "optax", "torch's formula", "clipped probabilities"


def torch_formula(x: jax.Array, y: jax.Array) -> jax.Array:
    """(1 - y) x - log_sigmoid(x) forwards and sigmoid(x) - y backwards."""
    return _torch(x, y.astype(x.dtype))


@jax.custom_jvp
def _torch(x: jax.Array, y: jax.Array) -> jax.Array:
    return (1 - y) * x - jax.nn.log_sigmoid(x)


@_torch.defjvp
def _torch_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals  # labels are constants here
    return _torch(x, y), (jax.nn.sigmoid(x) - y) * tangents[0]


def clipped_probs(x: jax.Array, y: jax.Array) -> jax.Array:
    """The probability, moved into [1e-7, 1 - 1e-7], and both its logs, as in Keras."""
    y = y.astype(x.dtype)
    p = jnp.clip(jax.nn.sigmoid(x), 1e-7, 1 - 1e-7)
    return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


WAYS: dict[str, Loss] = {
    EXACT: bce_with_logits,
    OPTAX: optax.sigmoid_binary_cross_entropy,
    TORCH: torch_formula,
    PROBS: clipped_probs,
}
