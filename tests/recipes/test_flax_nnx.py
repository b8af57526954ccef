"""A training step of Flax NNX: the loss in ``nnx.value_and_grad``, the whole in ``nnx.jit``."""

import numpy as np
import optax
from flax import nnx

from bcejax import bce_with_logits


@nnx.jit
def step(model, optimizer, batch):
    def mean_loss(model):
        logits = model(batch.inputs).squeeze(-1)  # (n, 1) against (n,) would be refused
        return bce_with_logits(logits, batch.labels).mean()

    loss, gradient = nnx.value_and_grad(mean_loss)(model)
    optimizer.update(model, gradient)
    return loss


def test_the_step_is_the_one_on_paper(batch, gradient_on_paper):
    model = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.5), wrt=nnx.Param)
    kernel = np.array(model.kernel[...])
    slope, rise = gradient_on_paper(kernel[:, 0], 0.0)
    losses = [float(step(model, optimizer, batch))]
    np.testing.assert_allclose(model.kernel[:, 0], kernel[:, 0] - 0.5 * slope, atol=1e-6)
    np.testing.assert_allclose(model.bias[...], [-0.5 * rise], atol=1e-6)
    losses += [float(step(model, optimizer, batch)) for _ in range(20)]
    assert losses == sorted(losses, reverse=True)
