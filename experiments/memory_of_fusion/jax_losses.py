"""The mean cross-entropy of a linear head, fused and whole, as functions for JAX."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import optax

from bcejax import bce_with_logits, reduce_losses
from bcejax.losses.linear_head import Positives, linear_bce
from experiments.memory_of_fusion.setting import OPTAX, WHOLE
from experiments.timing import OURS

Loss: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]


def fused(chunk: int) -> Loss:
    """Of features, kernel, bias and indices."""
    return lambda x, w, b, places: linear_bce(x, w, b, Positives(places), chunk=chunk)


def whole(chunk: int) -> Loss:
    """Of features, kernel, bias and labels."""
    return lambda x, w, b, labels: reduce_losses(bce_with_logits(x @ w + b, labels))


def by_optax(chunk: int) -> Loss:
    """The same by optax."""
    return lambda x, w, b, labels: optax.sigmoid_binary_cross_entropy(x @ w + b, labels).mean()


LOSSES: dict[str, Callable[[int], Loss]] = {OURS: fused, WHOLE: whole, OPTAX: by_optax}
