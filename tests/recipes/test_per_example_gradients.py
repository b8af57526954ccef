"""A gradient for each example, by ``vmap`` over ``grad``: to clip, to find who moves a model."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bcejax import bce_with_logits


def loss_of_one(params, inputs, label):
    return bce_with_logits(inputs @ params["w"] + params["b"], label)


PER_EXAMPLE = jax.jit(jax.vmap(jax.grad(loss_of_one), in_axes=(None, 0, 0)))


def test_each_is_p_minus_y_times_the_inputs(batch, gradient_on_paper):
    params = {"w": jnp.float32([0.5, -1.0, 2.0]), "b": jnp.float32(0.1)}
    each = PER_EXAMPLE(params, *batch[:2])
    probs = 1 / (1 + np.exp(-batch.inputs @ params["w"] - 0.1))
    np.testing.assert_allclose(each["b"], probs - batch.labels, atol=1e-6)
    np.testing.assert_allclose(each["w"], each["b"][:, None] * batch.inputs, rtol=1e-6)
    slope, rise = gradient_on_paper(params["w"], 0.1)
    np.testing.assert_allclose(each["w"].mean(0), slope, atol=1e-6)
    np.testing.assert_allclose(each["b"].mean(), rise, atol=1e-6)


def test_clipped_to_a_norm_no_example_moves_the_sum_by_more(batch):
    params = {"w": jnp.float32([0.5, -1.0, 2.0]), "b": jnp.float32(0.1)}
    leaves = jax.tree.leaves(PER_EXAMPLE(params, *batch[:2]))
    clipped, many = optax.per_example_global_norm_clip(leaves, l2_norm_clip=0.3)
    norms = np.sqrt(sum(np.square(each).reshape(96, -1).sum(1) for each in leaves))
    assert int(many) == (norms > 0.3).sum() > 0
    by_hand = (leaves[1] * np.minimum(1, 0.3 / norms)[:, None]).sum(0)
    np.testing.assert_allclose(clipped[1], by_hand, rtol=1e-5, atol=1e-6)
