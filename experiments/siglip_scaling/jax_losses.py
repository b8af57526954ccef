"""SigLIP's loss in chunks and whole, as functions for JAX."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from bcejax.losses.contrastive import sigmoid_contrastive
from experiments.siglip_scaling.settings import WHOLE
from experiments.timing import OURS


def whole(u: jax.Array, v: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """As the paper's pseudocode and big_vision have it."""
    signs = 2 * jnp.eye(len(u)) - 1
    return -jnp.sum(jax.nn.log_sigmoid(signs * (a * (u @ v.T) + b))) / len(u)


LOSSES: Mapping[str, Callable[..., jax.Array]] = {OURS: sigmoid_contrastive, WHOLE: whole}
