"""Optax's ``MultiSteps``: four small batches, then one update, by the mean of their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bcejax import bce_with_logits


def mean_loss(params, batch):
    return bce_with_logits(batch.inputs @ params["w"] + params["b"], batch.labels).mean()


def updated(optimizer, params, batches):
    """Params after an update (or none) for each of the batches."""

    def step(carry, batch):
        params, memory = carry
        updates, memory = optimizer.update(jax.grad(mean_loss)(params, batch), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), batches)
    return params


def test_four_quarters_are_one_step_on_the_whole(batch):
    params = {"w": jnp.zeros(3), "b": jnp.float32(0)}
    inner = optax.adam(0.1)
    quarters, whole = (
        jax.tree.map(lambda x, n=n: x.reshape(n, -1, *x.shape[1:]), batch) for n in (4, 1)
    )
    many = optax.MultiSteps(inner, every_k_schedule=4).gradient_transformation()
    by_quarters, at_once = (
        jax.jit(updated, static_argnums=0)(*each, batches)
        for each, batches in (((many, params), quarters), ((inner, params), whole))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), by_quarters, at_once)
    assert all(np.abs(each).min() > 0.05 for each in jax.tree.leaves(at_once))
