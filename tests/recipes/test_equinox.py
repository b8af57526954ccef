"""Equinox: a module is a pytree, so the loss needs nothing but a filtered transformation."""

import jax
import numpy as np
import optax
import pytest

from bcejax import bce_with_logits

eqx = pytest.importorskip("equinox", reason="pip install 'bcejax[recipes]'")


@eqx.filter_jit
def step(model, memory, batch, optimizer):
    @eqx.filter_value_and_grad
    def mean_loss(model):
        return bce_with_logits(jax.vmap(model)(batch.inputs), batch.labels).mean()

    loss, gradient = mean_loss(model)
    updates, memory = optimizer.update(gradient, memory)
    return eqx.apply_updates(model, updates), memory, loss


def test_the_step_is_the_one_on_paper(batch, gradient_on_paper):
    optimizer = optax.sgd(0.5)
    before = eqx.nn.Linear(3, "scalar", key=jax.random.key(0))
    memory = optimizer.init(eqx.filter(before, eqx.is_array))
    after, memory, first = step(before, memory, batch, optimizer)
    slope, rise = gradient_on_paper(before.weight[0], before.bias[0])
    np.testing.assert_allclose(after.weight[0], before.weight[0] - 0.5 * slope, atol=1e-6)
    np.testing.assert_allclose(after.bias, before.bias - 0.5 * rise, atol=1e-6)
    _, _, second = step(after, memory, batch, optimizer)
    assert second < first
