import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from bcejax.models import LogisticRegression


def test_is_the_linear_function_of_its_parameters():
    model = LogisticRegression(3, rngs=nnx.Rngs(0))
    model.coefficients[...] = np.float32([1, -2, 0.5])
    model.intercept[...] = np.float32(0.25)
    inputs = np.float32([[1, 1, 0], [0, 0, 4], [2, -1, -8]])
    assert model(inputs).tolist() == [-0.75, 2.25, 0.25]  # exact in binary


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 7, 3), (0, 3)])
def test_gives_one_logit_per_example(shape):
    logits = LogisticRegression(3, rngs=nnx.Rngs(0))(np.ones(shape))
    assert logits.shape == shape[:-1]


def test_starts_as_a_keras_dense_layer_does():
    radius = np.sqrt(6 / (2000 + 1))
    model = LogisticRegression(2000, rngs=nnx.Rngs(0))
    coefficients = np.asarray(model.coefficients[...])
    assert model.intercept[...] == 0
    assert 0.99 * radius < np.abs(coefficients).max() <= radius
    # The variance of the uniform law is r^2 / 3; 2000 draws estimate it to 4.5 %, one sigma 2 %.
    assert abs(coefficients.var() / (radius**2 / 3) - 1) < 0.08


def test_the_same_key_gives_the_same_model_and_another_another():
    one, two, other = (LogisticRegression(4, rngs=nnx.Rngs(seed)) for seed in (0, 0, 1))
    assert jnp.array_equal(one.coefficients[...], two.coefficients[...])
    assert not jnp.array_equal(one.coefficients[...], other.coefficients[...])


def test_is_made_and_called_under_vmap_and_jit():
    def logits(key):
        return LogisticRegression(3, rngs=nnx.Rngs(key))(jnp.ones((5, 3)))

    keys = jax.random.split(jax.random.key(0), 4)
    together = jax.jit(jax.vmap(logits))(keys)
    alone = jnp.stack([logits(key) for key in keys])
    np.testing.assert_array_max_ulp(together, alone, maxulp=4)


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("param_dtype", [jnp.bfloat16, jnp.float32])
def test_computes_in_dtype_and_keeps_parameters_in_param_dtype(dtype, param_dtype):
    model = LogisticRegression(3, rngs=nnx.Rngs(0), dtype=dtype, param_dtype=param_dtype)
    assert model.coefficients.dtype == model.intercept.dtype == param_dtype
    inputs = jnp.ones((2, 3), jnp.float32)
    assert model(inputs).dtype == (dtype or jnp.float32)
    assert model(jnp.ones((2, 3), int)).dtype == (dtype or param_dtype)


def test_float64_under_x64():
    with jax.enable_x64(True):
        model = LogisticRegression(3, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        assert model(np.ones((2, 3))).dtype == jnp.float64


@pytest.mark.parametrize("shape", [(), (2,), (5, 4), (3, 5)])
def test_refuses_another_number_of_features(shape):
    model = LogisticRegression(3, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"^LogisticRegression takes inputs \(\.\.\., 3\).*got \("):
        model(np.ones(shape))
