import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from bcejax.models import MLP
from bcejax.training.products import logits_of


@pytest.mark.parametrize("hidden", [(16,), (4, 5)])
@pytest.mark.parametrize("rows", [1, 32, 600])
def test_gives_what_the_layers_give(rows, hidden):
    model = MLP(8 if rows < 600 else 60, hidden, rngs=nnx.Rngs(0))
    inputs = np.random.default_rng(0).standard_normal((rows, model.features), np.float32)
    graph, params = nnx.split(model)

    def total(params, logits):
        found = logits(nnx.merge(graph, params), inputs)
        return jnp.sum(jnp.sin(found)), found

    def by_layers(model, inputs):
        return model(inputs)

    (want, logits), slopes = jax.value_and_grad(total, has_aux=True)(params, by_layers)
    (got, found), gradient = jax.value_and_grad(total, has_aux=True)(params, logits_of)
    eps = np.finfo(np.float32).eps
    # sums of up to 60 terms below 4 forward, and of as many as there are rows backward
    np.testing.assert_allclose(found, logits, rtol=0, atol=240 * eps)
    np.testing.assert_allclose(got, want, rtol=0, atol=240 * eps * rows)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=240 * eps * rows),
        gradient,
        slopes,
    )
