"""Maps of an image: the gradient of its loss, and what each pixel is worth.

A model gives each image its own logit, so that the gradient of the sum of all losses holds each
image's own gradient in its row.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bcejax.losses import bce_with_logits, bce_with_probs
from experiments.saliency_of_digits.networks import Model


def clipped(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Keras's loss: of a probability in [1e-7, 1 - 1e-7]."""
    return bce_with_probs(jax.nn.sigmoid(logits), labels, clip=1e-7)


def rounded(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The exact loss of a probability that float32 has rounded."""
    return bce_with_probs(jax.nn.sigmoid(logits), labels)


LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "from the logit": bce_with_logits,
    "through a clipped probability": clipped,
    "through a probability": rounded,
}


class Maps(NamedTuple):
    """What a model says of n images, and why; the model alone decides the maps of the logit."""

    logits: jax.Array  # (n,)
    gradients: jax.Array  # (n, 64), of the logit
    of_loss: dict[str, jax.Array]  # gradients (n, 64) of each of the losses
    attributions: jax.Array  # (n, 64), integrated gradients
    difference: jax.Array  # (n,), of the logit from that of blank paper
    falls: tuple[jax.Array, jax.Array]  # (n,), without what matters, and without random ink


def look(
    inputs: jax.Array, labels: jax.Array, key: jax.Array, *, model: Model, steps: int, erased: int
) -> Maps:
    """All maps of the images, and what erasing by them does."""
    logits = model(inputs)
    worth = attributions(model, inputs, steps)
    side = jnp.sign(logits)  # of the answer
    chance = jnp.where(inputs > 0, jax.random.uniform(key, inputs.shape), -1)
    fall, random = (
        side * (logits - model(without(inputs, each, erased)))
        for each in (side[:, None] * worth, chance)
    )
    of_loss = {
        name: jax.grad(lambda inputs, loss=loss: loss(model(inputs), labels).sum())(inputs)
        for name, loss in LOSSES.items()
    }
    blank = model(jnp.zeros_like(inputs[:1]))
    return Maps(
        logits, logit_gradients(model, inputs), of_loss, worth, logits - blank, (fall, random)
    )


def logit_gradients(model: Model, inputs: jax.Array) -> jax.Array:
    """The gradient of each image's logit in its pixels, (n, 64)."""
    return jax.grad(lambda inputs: model(inputs).sum())(inputs)


def attributions(model: Model, inputs: jax.Array, steps: int) -> jax.Array:
    """Integrated gradients (n, 64) against blank paper, by the midpoint rule."""
    middles = (jnp.arange(steps) + 0.5) / steps

    def add(total: jax.Array, t: jax.Array) -> tuple[jax.Array, None]:
        return total + logit_gradients(model, t * inputs), None

    total, _ = jax.lax.scan(add, jnp.zeros_like(inputs), middles)
    return inputs * total / steps


def without(inputs: jax.Array, worth: jax.Array, pixels: int) -> jax.Array:
    """The images without the pixels of most worth."""
    _, places = jax.lax.top_k(worth, pixels)
    return inputs.at[jnp.arange(len(inputs))[:, None], places].set(0)
