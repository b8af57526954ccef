"""Penalties: their values and gradients, what they do for held-out data, and what is none."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bcejax import bce_gradient, bce_with_logits, reduce_losses
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors import expected_calibration_error, smooth_calibration_error
from bcejax.calibration.penalties import (
    laplacian_kernel_penalty,
    smooth_error_penalty,
    soft_binned_penalty,
)

PENALTIES = {
    "smooth": smooth_error_penalty,
    "laplacian": laplacian_kernel_penalty,
    "soft binned": soft_binned_penalty,
}
every_penalty = pytest.mark.parametrize("name", PENALTIES)
SIZE = 40  # one shape, so that each penalty is compiled once: absent examples are masked


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@functools.cache
def compiled(name):
    """Value and gradient in the logits, under a mask."""

    def penalty(logits, labels, weights, where):
        return PENALTIES[name](labels, logits=logits, weights=weights, where=where)

    return jax.jit(jax.value_and_grad(penalty))


def sample(seed=0, n=SIZE):
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal(n)
    return (rng.random(n) < 0.5) * 1.0, logits, rng.random(n) + 0.5


def valued(name, labels, logits, weights):
    """Value and gradient of a few examples, before nonsense under a mask."""
    n = len(labels)
    given = (np.append(each, np.full(SIZE - n, np.nan)) for each in (logits, labels, weights))
    return compiled(name)(*given, np.arange(SIZE) < n)


@every_penalty
def test_gradient_is_the_difference(name):
    labels, logits, weights = sample()
    way = np.random.default_rng(1).standard_normal(SIZE)
    ahead, behind = (
        float(valued(name, labels, logits + step * way, weights)[0]) for step in (1e-6, -1e-6)
    )
    got = float(valued(name, labels, logits, weights)[1] @ way)
    np.testing.assert_allclose(got, (ahead - behind) / 2e-6, rtol=1e-5)


def kernel_loop(labels, logits, weights):
    """All pairs of different copies."""
    probs = 1 / (1 + np.exp(-logits))
    moved = weights * (labels - probs)
    kernel = np.exp(-np.abs(probs[:, None] - probs) / 0.4)
    own = np.sum(weights * (labels - probs) ** 2)
    return (moved @ kernel @ moved - own) / (weights.sum() * (weights.sum() - 1))


def bins_loop(labels, logits, weights):
    """Bin by bin."""
    probs = 1 / (1 + np.exp(-logits))
    kernels = np.exp(-((probs[:, None] - (np.arange(15) + 0.5) / 15) ** 2) / 0.01)
    shares = weights[:, None] * kernels / kernels.sum(1, keepdims=True)
    return sum((v @ (labels - probs)) ** 2 / v.sum() for v in shares.T) / weights.sum()


@pytest.mark.parametrize(("name", "loop"), [("laplacian", kernel_loop), ("soft binned", bins_loop)])
def test_it_is_the_loop_and_what_is_masked_reaches_neither_value_nor_gradient(name, loop):
    few = sample(1, 20)
    value, gradient = valued(name, *few)
    np.testing.assert_allclose(value, loop(*few), rtol=1e-9)
    assert np.isfinite(gradient).all()
    assert not gradient[20:].any()


def test_smooth_penalty_is_the_smooth_error_of_what_is_not_masked():
    labels, logits, weights = few = sample(2, 20)
    got, gradient = valued("smooth", *few)
    want = smooth_calibration_error(labels, logits=logits, weights=weights)
    np.testing.assert_allclose(got, want, atol=1 / (4 * 512**2 * want) + 1e-6)
    assert np.isfinite(gradient).all()
    assert not gradient[20:].any()


def test_mean_over_mini_batches_is_the_whole():
    """All batches of three among six, values and gradients: no bias from small batches."""
    labels, logits, _ = sample(3, 6)
    batches = np.array(list(itertools.combinations(range(6), 3)))

    def over_batches(x):
        return jax.vmap(lambda b: laplacian_kernel_penalty(jnp.asarray(labels)[b], logits=x[b]))(
            batches
        ).mean()

    value, gradient = jax.jit(jax.value_and_grad(over_batches))(logits)
    whole = valued("laplacian", labels, logits, np.ones(6))
    np.testing.assert_allclose(value, whole[0], rtol=1e-10)
    np.testing.assert_allclose(gradient, whole[1][:6], rtol=1e-9)


def test_hard_bins_are_the_limit():
    labels, logits, weights = sample(5)
    got = soft_binned_penalty(labels, logits=logits, weights=weights, bins=5, softness=1e-6)
    want = expected_calibration_error(labels, logits=logits, weights=weights, bins=5, norm=2) ** 2
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_isotonic_miscalibration_is_no_penalty_but_the_loss():
    """Its gradient in the logits is that of the mean cross-entropy."""
    labels, logits, _ = sample(6)
    slope = jax.jit(jax.grad(lambda x: corp_decomposition(labels, logits=x).miscalibration))
    np.testing.assert_allclose(
        slope(logits), bce_gradient(logits, labels) / SIZE, rtol=1e-9, atol=1e-12
    )


FEATURES, EACH, HELD_OUT = 40, 200, 4000


def draw(key, n, truth):
    of_features, of_labels = jax.random.split(key)
    features = jax.random.normal(of_features, (n, FEATURES))
    share = jax.nn.sigmoid(features @ truth)
    return features, (jax.random.uniform(of_labels, (n,)) < share).astype(jnp.float32)


def held_out(key):
    """(smooth error, log loss) on new data: of BCE alone, of BCE on all, and with the penalty."""
    of_truth, of_data, of_new = jax.random.split(key, 3)
    truth = jax.random.normal(of_truth, (FEATURES,)) * 1.5 / FEATURES**0.5
    (features, labels), new = draw(of_data, 2 * EACH, truth), draw(of_new, HELD_OUT, truth)
    seen = jnp.arange(2 * EACH) < EACH
    optimizer = optax.adam(0.05)

    def trained(fitted, strength):
        """Four hundred steps, by when the cross-entropy has overfitted."""

        def objective(params):
            logits = features @ params
            loss = reduce_losses(bce_with_logits(logits, labels), where=fitted)
            return loss + strength * smooth_error_penalty(labels, logits=logits, where=~seen)

        def step(carry, _):
            params, memory = carry
            updates, memory = optimizer.update(jax.grad(objective)(params), memory)
            return (optax.apply_updates(params, updates), memory), None

        start = jnp.zeros(FEATURES)
        (params, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), None, length=400)
        logits = new[0] @ params
        return smooth_error_penalty(new[1], logits=logits), bce_with_logits(logits, new[1]).mean()

    fitted = jnp.stack([seen, jnp.ones_like(seen), seen])
    return jax.vmap(trained)(fitted, jnp.array([0.0, 0.0, 5.0]))


def test_joint_training_helps_on_held_out_data():
    """In each of four worlds; as calibrated as BCE on all labels, though with more log loss."""
    with jax.enable_x64(False):
        errors, losses = jax.jit(jax.vmap(held_out))(jax.random.split(jax.random.key(0), 4))
    alone, everything, joint = errors.T
    assert (joint < 0.7 * alone).all()
    assert joint.mean() < everything.mean()
    assert (losses[:, 2] < 0.97 * losses[:, 0]).all()
    assert losses[:, 1].mean() < losses[:, 2].mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bins": 0}, "bins is 0; there must be 1 or more"),
        ({"softness": 0.0}, r"softness is 0\.0; it must be finite and > 0"),
    ],
)
def test_refuses_in_one_line(change, message):
    with pytest.raises(ValueError, match=message):
        soft_binned_penalty([0, 1], logits=[0.5, 0.5], **change)
