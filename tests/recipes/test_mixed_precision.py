"""Mixed precision: compute in 16 bits, keep a float32 master of the params, scale the loss.

The loss takes 16-bit logits as they come, computes in float32 and sums in float32; its gradient
goes back in the logits' dtype. bfloat16 has the range of float32 and needs no scale. float16 ends
at 6e-5 (without subnormal numbers), so that a gradient of a mean is scaled up on its way.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax import bce_with_logits, reduce_losses


def mean_loss(params, batch, dtype, scale):
    """The loss times the scale, and the loss; the network is in ``dtype`` all the way."""
    small = jax.tree.map(lambda array: jnp.asarray(array, dtype), params)
    logits = jnp.tanh(jnp.asarray(batch.inputs, dtype) @ small["first"]) @ small["second"]
    loss = reduce_losses(bce_with_logits(logits, batch.labels))
    return scale * loss, loss


def gradient(params, batch, dtype, scale):
    """Float32, like the master: the cast's own derivative brings it there."""
    scaled, loss = jax.jit(jax.grad(mean_loss, has_aux=True), static_argnums=2)(
        params, batch, dtype, scale
    )
    assert loss.dtype == jnp.float32
    assert {each.dtype.name for each in jax.tree.leaves(scaled)} == {"float32"}
    return np.concatenate([np.ravel(each) / scale for each in jax.tree.leaves(scaled)])


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(1)
    return {"first": np.float32(rng.normal(size=(3, 8))), "second": np.float32(rng.normal(size=8))}


@pytest.mark.parametrize(("dtype", "scale"), [(jnp.bfloat16, 1.0), (jnp.float16, 2.0**10)])
def test_the_gradient_is_float32s_to_the_digits_of_16_bits(batch, params, dtype, scale):
    exact = gradient(params, batch, jnp.float32, 1.0)
    assert np.linalg.norm(gradient(params, batch, dtype, scale) - exact) <= 8 * float(
        jnp.finfo(dtype).eps
    ) * np.linalg.norm(exact)


def test_without_a_scale_float16_loses_the_gradient_of_a_model_that_is_sure(batch, params):
    sure = params | {"second": 8 * params["second"]}
    logits = np.tanh(batch.inputs @ sure["first"]) @ sure["second"]
    right = jax.tree.map(
        lambda each: each[np.abs(logits) > 22], batch._replace(labels=np.float32(logits > 0))
    )
    exact, bare, scaled = (
        gradient(sure, right, *how)
        for how in ((jnp.float32, 1.0), (jnp.float16, 1.0), (jnp.float16, 2.0**28))
    )
    assert 1e-12 < np.abs(exact).max() < 1e-8
    assert np.abs(bare).max() == 0
    np.testing.assert_allclose(scaled, exact, atol=0.1 * np.abs(exact).max())
