"""An optimizer whose learning rate is data, against the same with a constant."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bcejax.training.ensembles.members import rated


def test_a_rate_as_data_is_that_rate():
    params, gradient = jnp.float32([1.0, -2.0]), jnp.float32([0.5, 0.1])
    constant, data = optax.adam(0.03), rated(optax.adam)
    memory = data.init(params)._replace(rate=jnp.float32(0.03))
    want, got = constant.init(params), memory
    for _ in range(3):
        step, want = constant.update(gradient, want, params)
        same, got = data.update(gradient, got, params)
        np.testing.assert_allclose(same, step, rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, got.memory, want)


def test_one_function_makes_one_optimizer():
    """Else each call of ``fit_ensemble`` would compile anew."""
    assert rated(optax.adam) is rated(optax.adam)
    assert rated(optax.sgd) is not rated(optax.adam)


def test_an_optimizer_that_asks_for_the_loss_gets_it():
    params = gradient = jnp.float32([1.0, -2.0])
    optimizer = rated(optax.polyak_sgd)
    memory = optimizer.init(params)._replace(rate=jnp.float32(0.03))
    constant = optax.polyak_sgd(0.03)
    for value in (0.5, 0.01):  # the rate is what bounds the step, and is not
        want, _ = constant.update(gradient, constant.init(params), params, value=value)
        got, memory = optimizer.update(gradient, memory, params, value=value, grad=gradient)
        np.testing.assert_array_equal(got, want)
