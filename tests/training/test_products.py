import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import init_state, train_step
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

    both = jax.jit(jax.value_and_grad(total, has_aux=True), static_argnums=1)
    (want, logits), slopes = both(params, by_layers)
    (got, found), gradient = both(params, logits_of)
    eps = np.finfo(np.float32).eps
    # sums of up to 60 terms below 4 forward, and of as many as there are rows backward
    np.testing.assert_allclose(found, logits, rtol=0, atol=240 * eps)
    np.testing.assert_allclose(got, want, rtol=0, atol=240 * eps * rows)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=240 * eps * rows),
        gradient,
        slopes,
    )


def test_a_step_has_derivatives_of_every_mode():
    inputs = np.random.default_rng(0).standard_normal((32, 8), np.float32)
    labels = (inputs[:, 0] > 0).astype(np.float32)
    state = init_state(MLP(8, rngs=nnx.Rngs(0)), optax.sgd(1.0))

    def size(inputs):
        params = train_step(state, Batch(inputs, labels))[0].params
        return sum(jnp.vdot(each, each) for each in jax.tree.leaves(params))

    slope = jax.grad(size)
    forward, backward = jax.jvp(size, (inputs,), (inputs,))[1], jnp.vdot(slope(inputs), inputs)
    np.testing.assert_allclose(forward, backward, rtol=1e-4)
    bend = jax.jvp(slope, (inputs,), (inputs,))[1]
    apart = slope(1.01 * inputs) - slope(0.99 * inputs)
    np.testing.assert_allclose(bend, apart / 0.02, atol=0.02 * jnp.abs(bend).max())


@pytest.mark.parametrize("kind", [nnx.Dropout, nnx.BatchNorm])
def test_leaves_a_network_with_other_layers_alone(kind):
    """As the statistics of halves would not be those of the batch."""
    inputs = np.random.default_rng(0).standard_normal((600, 60), np.float32)
    models = [MLP(60, (4,), rngs=nnx.Rngs(0)) for _ in range(2)]
    for model in models:
        model.hidden.append(kind(0.5 if kind is nnx.Dropout else 4, rngs=nnx.Rngs(1)))
    found = logits_of(models[0], inputs), logits_of(models[0], inputs[:32])
    wanted = models[1](inputs), models[1](inputs[:32])
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_inputs_of_three_axes_are_the_models_own_affair():
    model = MLP(3, (4,), rngs=nnx.Rngs(0))
    inputs = np.ones((2, 5, 3), np.float32)
    np.testing.assert_allclose(logits_of(model, inputs), model(inputs))
