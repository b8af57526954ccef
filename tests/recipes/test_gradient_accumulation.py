"""Gradients of a batch that is too large for memory, part after part.

The mean of the parts' means is not the mean where parts weigh unequally. Sums are: add up
sum w l and its gradient, and divide by sum w once.
"""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax import bce_with_logits, reduce_losses


def weighted_loss(params, batch, how):
    losses = bce_with_logits(batch.inputs @ params["w"] + params["b"], batch.labels)
    return reduce_losses(losses, weights=batch.weights, how=how)


@jax.jit
def accumulated(params, parts):
    """The gradient of the weighted mean over all parts."""

    def add(total, part):
        return jax.tree.map(jnp.add, total, jax.grad(weighted_loss)(params, part, "sum")), None

    total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, params), parts)
    return jax.tree.map(lambda each: each / parts.weights.sum(), total)


def test_parts_add_up_to_the_whole(batch):
    weights = np.arange(96, dtype=np.float32)  # the parts weigh ever more
    batch = batch._replace(weights=weights)
    params = {"w": jnp.float32([0.5, -1.0, 2.0]), "b": jnp.float32(0.1)}
    parts = jax.tree.map(lambda array: array.reshape(6, 16, *array.shape[1:]), batch)
    whole = jax.jit(jax.grad(weighted_loss), static_argnums=2)(params, batch, "mean")
    for part, at_once in zip(
        *map(jax.tree.leaves, (accumulated(params, parts), whole)), strict=True
    ):
        np.testing.assert_allclose(part, at_once, rtol=1e-5, atol=1e-7)
