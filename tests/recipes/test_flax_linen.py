"""A training step of Flax Linen: params outside of the module, optax beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from flax.training.train_state import TrainState

from bcejax import bce_with_logits


class Logit(linen.Module):
    """One logit for each example."""

    @linen.compact
    def __call__(self, inputs):
        return linen.Dense(1)(inputs).squeeze(-1)


@jax.jit
def step(state, batch):
    def mean_loss(params):
        logits = state.apply_fn(params, batch.inputs)
        return bce_with_logits(logits, batch.labels).mean()

    loss, gradient = jax.value_and_grad(mean_loss)(state.params)
    return state.apply_gradients(grads=gradient), loss


def test_the_step_is_the_one_on_paper(batch, gradient_on_paper):
    dense = {"kernel": jnp.full((3, 1), 0.3), "bias": jnp.zeros(1)}
    state = TrainState.create(
        apply_fn=Logit().apply, params={"params": {"Dense_0": dense}}, tx=optax.sgd(0.5)
    )
    slope, rise = gradient_on_paper(np.full(3, 0.3), 0.0)
    state, first = step(state, batch)
    dense = state.params["params"]["Dense_0"]
    np.testing.assert_allclose(dense["kernel"][:, 0], 0.3 - 0.5 * slope, atol=1e-6)
    np.testing.assert_allclose(dense["bias"], [-0.5 * rise], atol=1e-6)
    _, second = step(state, batch)
    assert second < first
