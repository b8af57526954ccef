import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from bcejax.models import MLP


def by_hand(model, inputs, activation):
    values = np.asarray(inputs, np.float64)
    for layer in model.hidden:
        kernel, bias = (np.asarray(p[...], np.float64) for p in (layer.kernel, layer.bias))
        values = activation(values @ kernel + bias)
    kernel, bias = (
        np.asarray(p[...], np.float64) for p in (model.output.kernel, model.output.bias)
    )
    return (values @ kernel + bias)[..., 0]


@pytest.mark.parametrize("hidden", [(), (16,), (5, 4, 3)])
@pytest.mark.parametrize(
    ("activation", "same"), [(nnx.relu, lambda v: v * (v > 0)), (jnp.tanh, np.tanh)]
)
def test_is_affine_maps_with_a_nonlinearity_between(hidden, activation, same):
    model = MLP(8, hidden, activation, rngs=nnx.Rngs(0))
    for layer in model.hidden:
        layer.bias[...] = np.linspace(-1, 1, layer.out_features, dtype=np.float32)
    inputs = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    error = np.abs(model(inputs) - by_hand(model, inputs, same))
    # Each of the sums of at most 16 products of numbers below 4 loses at most 16 roundings.
    assert error.max() <= 16 * 4 * (len(hidden) + 1) * np.finfo(np.float32).eps


def test_the_tutorial_network_has_161_parameters():
    model = MLP(8, rngs=nnx.Rngs(0))
    shapes = [p.shape for p in jax.tree.leaves(nnx.state(model, nnx.Param))]
    assert sorted(shapes) == [(1,), (8, 16), (16,), (16, 1)]


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 7, 3), (0, 3)])
def test_gives_one_logit_per_example(shape):
    assert MLP(3, rngs=nnx.Rngs(0))(np.ones(shape)).shape == shape[:-1]


def test_starts_as_keras_dense_layers_do():
    model = MLP(100, (60, 40), rngs=nnx.Rngs(0))
    for layer in (*model.hidden, model.output):
        radius = np.sqrt(6 / sum(layer.kernel.shape))
        kernel = np.abs(layer.kernel[...])
        assert 0.9 * radius < kernel.max() <= radius
        assert not layer.bias[...].any()


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
@pytest.mark.parametrize("param_dtype", [jnp.bfloat16, jnp.float32])
def test_computes_in_dtype_and_keeps_parameters_in_param_dtype(dtype, param_dtype):
    model = MLP(3, rngs=nnx.Rngs(0), dtype=dtype, param_dtype=param_dtype)
    assert {p.dtype for p in jax.tree.leaves(nnx.state(model))} == {jnp.dtype(param_dtype)}
    assert model(jnp.ones((2, 3), jnp.float32)).dtype == (dtype or jnp.float32)


def test_float64_under_x64():
    with jax.enable_x64(True):
        model = MLP(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        assert model(np.ones((2, 3))).dtype == jnp.float64


@pytest.mark.parametrize("shape", [(), (2,), (5, 4), (3, 5)])
def test_refuses_another_number_of_features(shape):
    model = MLP(3, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"^MLP takes inputs \(\.\.\., 3\).*got \("):
        model(np.ones(shape))
