"""The clipped losses, typed out as their libraries compute them: every step in the format given.

    Keras 3          keras/src/backend/jax/nn.py, binary_crossentropy
    scikit-learn     sklearn/metrics/_classification.py up to 1.2, log_loss with eps = 1e-15
    torch            aten/src/ATen/native/Loss.cpp, binary_cross_entropy and its backward

The probability of a logit is jax.nn.sigmoid with its derivative p (1 - p), as in Keras and torch.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from bcejax.losses import bce_with_logits

Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]


class Clip(NamedTuple):
    """Move the probability into [epsilon, 1 - epsilon], then take both logs."""

    epsilon: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest probability, before the format rounds them."""
        return self.epsilon, 1 - self.epsilon

    def on_probs(self, p: jax.Array, y: jax.Array) -> jax.Array:
        """Losses of probabilities."""
        p = jnp.clip(p, *self.bounds)
        return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))

    def on_logits(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Losses of the probabilities of logits."""
        return self.on_probs(jax.nn.sigmoid(x), y)


@jax.custom_jvp
def torch_on_probs(p: jax.Array, y: jax.Array) -> jax.Array:
    """Both logs held at -100; the gradient has a rule of its own, with 1e-12 in it."""
    return -(y * jnp.maximum(jnp.log(p), -100) + (1 - y) * jnp.maximum(jnp.log1p(-p), -100))


@torch_on_probs.defjvp
def _torch_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    p, y = primals  # labels are constants here
    return torch_on_probs(p, y), (p - y) / jnp.maximum(p * (1 - p), 1e-12) * tangents[0]


def torch_on_logits(x: jax.Array, y: jax.Array) -> jax.Array:
    """As ``torch_on_probs``, of the probabilities of logits."""
    return torch_on_probs(jax.nn.sigmoid(x), y)


KERAS, SKLEARN = Clip(1e-7), Clip(1e-15)
EXACT_WAY, KERAS_WAY, SKLEARN_WAY, TORCH_WAY = (
    "exact",
    "Keras, 1e-7",
    "scikit-learn, 1e-15",
    "torch, log >= -100",
)
ON_LOGITS: dict[str, Loss] = {
    EXACT_WAY: bce_with_logits,
    KERAS_WAY: KERAS.on_logits,
    SKLEARN_WAY: SKLEARN.on_logits,
    TORCH_WAY: torch_on_logits,
}
CLIPPED = tuple(ON_LOGITS)[1:]
