"""Layers with the units first: the same numbers, and who keeps a layer of its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import init_state
from bcejax.training.ensembles.products import units_first

_RNG = np.random.default_rng(0)
_BATCH = Batch(jnp.asarray(_RNG.normal(size=(6, 3))), jnp.asarray(_RNG.integers(0, 2, 6) * 1.0))


class Slope(nnx.Module):
    """The derivative of a layer along its inputs, taken forward: a model that no rule fits."""

    def __init__(self):
        self.layer = nnx.Linear(3, 1, rngs=nnx.Rngs(0))

    def __call__(self, inputs):
        return jax.jvp(self.layer, (inputs,), (inputs,))[1][:, 0]


def own_product(inputs, kernel, dimension_numbers, **settings):
    return lax.dot_general(inputs, kernel, dimension_numbers, **settings)


def products_of(state):
    model = nnx.merge(state.graphdef, state.params, state.rest)
    return [m.dot_general for _, m in nnx.iter_modules(model) if isinstance(m, nnx.Linear)]


def test_logits_and_gradients_are_those_of_the_model():
    state = init_state(MLP(3, (5, 4), rngs=nnx.Rngs(0)))

    @jax.jit
    def both(params):
        turned = units_first(state, _BATCH)
        assert turned.graphdef != state.graphdef

        def total(params, of):
            return jnp.sin(dataclasses.replace(of, params=params).logits(_BATCH.inputs)).sum()

        return [jax.value_and_grad(total)(params, of) for of in (state, turned)]

    plain, turned = both(state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), plain, turned)


def test_a_layer_keeps_a_product_of_its_own():
    model = MLP(3, (5,), rngs=nnx.Rngs(0))
    model.output.dot_general = own_product
    hidden, output = products_of(units_first(init_state(model), _BATCH))
    assert output is own_product
    assert hidden not in (own_product, lax.dot_general)


def test_a_model_with_forward_derivatives_stays_as_it_is():
    state = init_state(Slope())
    assert units_first(state, _BATCH).graphdef == state.graphdef


def test_other_shapes_and_settings_take_the_ordinary_product():
    state = init_state(MLP(3, (5,), rngs=nnx.Rngs(0)))
    product = products_of(units_first(state, _BATCH))[0]
    kernel, inputs = np.ones((3, 2), np.float32), np.ones((4, 6, 3), np.float32)
    assert product(inputs, kernel, (((2,), (0,)), ((), ()))).shape == (4, 6, 2)
    sums = (((1,), (0,)), ((), ()))
    wide = product(inputs[0], kernel, sums, preferred_element_type=jnp.float16)
    assert wide.dtype == jnp.float16
