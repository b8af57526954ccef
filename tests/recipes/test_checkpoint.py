"""``jax.checkpoint``: forget a block's values on the way, compute them again on the way back."""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax import bce_with_logits


def block(values, kernels):
    up, down = kernels
    return values + jnp.tanh(values @ up) @ down


def mean_loss(kernels, batch, block):
    values, _ = jax.lax.scan(lambda values, each: (block(values, each), None), *batch[:1], kernels)
    return bce_with_logits(values.sum(axis=1), batch.labels).mean()


def test_forgetting_changes_memory_and_no_number(batch):
    rng = np.random.default_rng(2)  # 16 blocks, 64 wide
    kernels = [np.float32(rng.normal(size=size) / 16) for size in ((16, 3, 64), (16, 64, 3))]
    kept, forgotten = (
        jax.jit(jax.grad(mean_loss), static_argnums=2).lower(kernels, batch, each).compile()
        for each in (block, jax.checkpoint(block))
    )
    for one, other in zip(kept(kernels, batch), forgotten(kernels, batch), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)
    memory = [each.memory_analysis().temp_size_in_bytes for each in (kept, forgotten)]
    assert memory[1] < memory[0] / 2
