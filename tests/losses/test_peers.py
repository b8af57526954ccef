"""optax where it is right, as an oracle; optax, torch's and Keras's formulas where they are not.

The figures say which fault each test keeps out; a test that fails because a peer was repaired is
good news, and its line goes.  torch's, TensorFlow's and Keras's formulas are re-typed in JAX.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from losses.ways import each

from bcejax import bce_with_logits, bce_with_probs, reduce_losses, smooth_labels

optax_bce = optax.sigmoid_binary_cross_entropy


def torch_bce(x, y):
    """(1 - y) x - logsigmoid(x), as in ATen's binary_cross_entropy_with_logits."""
    return (1 - y) * x - (jnp.minimum(x, 0) - jnp.log1p(jnp.exp(-jnp.abs(x))))


def clipped_bce(x, y):
    """clip(x, 0) - x y + log1p(exp(-|x|)), as numpyro has it."""
    return jnp.clip(x, 0) - x * y + jnp.log1p(jnp.exp(-jnp.abs(x)))


def keras_bce(p, y, epsilon=1e-7):
    """Keras's binary cross-entropy of probabilities, JAX backend."""
    p = jnp.clip(p, epsilon, 1 - epsilon)
    return -(y * jnp.log(p) + (1 - y) * jnp.log1p(-p))


def float32(*values):
    return np.float32(values)


def test_a_drop_in_for_optax():
    """Where optax is right to 8 ulp: value and gradient at moderate logits."""
    draw = np.random.default_rng(0)
    x, y = np.float32(draw.normal(0, 4, 1000)), np.float32(draw.integers(0, 2, 1000))
    ours, theirs = (jax.jit(f)(x, y) for f in (bce_with_logits, optax_bce))
    np.testing.assert_allclose(ours, theirs, rtol=6e-7)
    slope = each(jax.grad(bce_with_logits))(x, y)
    np.testing.assert_allclose(slope, each(jax.grad(optax_bce))(x, y), rtol=2e-6)


def test_infinite_logits_with_the_right_label():
    x, y = float32(np.inf, -np.inf), float32(1, 0)
    assert np.isnan(optax_bce(x, y)).all()
    np.testing.assert_array_equal(bce_with_logits(x, y), [0, 0])


def test_forward_mode_at_an_infinite_logit():
    primals, zeros = float32(np.inf, 1), float32(0, 0)
    assert np.isnan(jax.jvp(optax_bce, tuple(primals), tuple(zeros))[1])
    assert jax.jvp(bce_with_logits, tuple(primals), tuple(zeros))[1] == 0


def test_second_derivative_in_the_tail():
    ours, theirs = (jax.grad(jax.grad(f)) for f in (bce_with_logits, optax_bce))
    at_12, at_20, zero = float32(12, 20, 0)
    assert theirs(at_20, zero) == 0
    assert ours(at_20, zero) == np.float32(2.0611536e-9)
    assert abs(theirs(at_12, zero) / 6.144137e-6 - 1) > 0.05
    assert abs(ours(at_12, zero) / 6.144137e-6 - 1) < 2e-7
    assert jax.grad(jax.nn.sigmoid)(at_20) == 0


def test_value_and_gradient_of_torch_s_formula_in_the_tails():
    x, tail = np.float32(20), np.float32(2.0611536e-9)
    assert torch_bce(-x, np.float32(0)) == 0
    assert bce_with_logits(-x, 0) == tail
    assert jax.nn.sigmoid(x) - 1 == 0  # torch's gradient
    assert jax.grad(bce_with_logits)(x, 1) == -tail


def test_gradient_at_logit_zero():
    for y, right, wrong in ((0.0, 0.5, 0.0), (1.0, -0.5, -1.0)):
        assert jax.grad(clipped_bce)(0.0, y) == wrong
        assert jax.grad(bce_with_logits)(0.0, y) == right


def test_mask_after_the_loss():
    x, y, keep = float32(1, np.nan), float32(1, 0), np.array([True, False])
    theirs = jax.grad(lambda x: jnp.mean(optax_bce(x, y), where=keep))(x)
    ours = jax.grad(lambda x: reduce_losses(bce_with_logits(x, y, where=keep), where=keep))(x)
    assert np.isnan(theirs[1])
    np.testing.assert_array_equal(ours, float32(-0.26894143, 0))


def test_a_mean_of_nothing():
    assert np.isnan(jnp.mean(optax_bce(float32(1), float32(1)), where=np.array([False])))
    assert reduce_losses(float32(1), where=np.array([False])) == 0


def test_shapes_that_differ():
    assert optax_bce(jnp.zeros((4, 1)), jnp.ones(4)).shape == (4, 4)
    with pytest.raises(ValueError, match="must be equal"):
        bce_with_logits(jnp.zeros((4, 1)), jnp.ones(4))


def test_python_scalars():
    with pytest.raises(AttributeError):
        optax_bce(1.5, 1.0)
    assert abs(bce_with_logits(1.5, 1.0) - 0.20141327798) < 2.0**-25


def test_labels_in_bfloat16():
    x, y = jnp.array([3], jnp.bfloat16), float32(0.999)
    assert abs(optax_bce(x, y)[0].astype(float) / 0.0515873 - 1) > 0.05
    assert abs(bce_with_logits(x, y)[0] / 0.0515873 - 1) < 1e-6


def test_labels_out_of_range():
    assert optax_bce(float32(1.5), float32(2)) < 0
    assert np.isnan(bce_with_logits(1.5, 2.0))


def test_derivative_in_the_label():
    x, y = float32(1e-4), float32(1)
    assert each(jax.grad(optax_bce, 1))(x, y) != -x
    assert each(jax.grad(bce_with_logits, 1))(x, y) == -x


def test_label_smoothing_of_one_column():
    labels = float32(0, 1).reshape(2, 1)
    np.testing.assert_allclose(optax.smooth_labels(labels, 0.1), [[0.1], [1.0]], rtol=1e-6)
    np.testing.assert_allclose(smooth_labels(labels, 0.1), [[0.05], [0.95]], rtol=1e-6)


def test_float16_sum():
    losses = optax_bce(jnp.zeros(100_000, jnp.float16), jnp.zeros(100_000, jnp.float16))
    assert losses.sum() == np.inf
    assert abs(reduce_losses(losses, how="sum") / (100_000 * np.log(2)) - 1) < 1e-3


def test_clip_is_that_of_keras():
    draw = np.random.default_rng(0)
    p = np.concatenate([draw.random(500), 10.0 ** draw.uniform(-12, 0, 500), [0, 1]])
    p = np.concatenate([p, 1 - p]).astype(np.float32)
    for label in (0, 1):
        y = np.full_like(p, label)
        got = bce_with_probs(p, y, clip=1e-7)
        np.testing.assert_allclose(got, keras_bce(p, y), rtol=4e-7)
    np.testing.assert_array_equal(
        keras_bce(float32(1, 0), float32(0, 1)), float32(15.942385, 16.118095)
    )
    assert keras_bce(jnp.bfloat16(1), 0.0) == np.inf  # the clip is gone in 16 bits
    assert bce_with_probs(jnp.bfloat16(1), 0, clip=1e-7) == np.float32(15.942385)


def test_the_clip_kills_gradients_that_the_exact_loss_has():
    for p, y, right in ((1.0, 1.0, -1), (1e-8, 1.0, -1e8)):
        assert jax.grad(keras_bce)(p, y) == 0
        assert abs(jax.grad(bce_with_probs)(p, y) / right - 1) < 2e-7


def test_products_with_infinite_logarithms():
    def textbook(p):
        return -(jax.scipy.special.xlogy(1.0, p) + jax.scipy.special.xlog1py(0.0, -p))

    assert np.isnan(jax.grad(textbook)(1.0))
    assert jax.grad(bce_with_probs)(1.0, 1.0) == -1
