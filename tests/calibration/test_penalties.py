"""Penalties: their values and gradients, what they do for held-out data, and what is none."""

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


def sample(seed=0, n=40):
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal(n)
    return (rng.random(n) < 0.5) * 1.0, logits, rng.random(n) + 0.5


@every_penalty
def test_gradient_is_the_difference(name):
    with jax.enable_x64(True):
        labels, logits, weights = map(jnp.asarray, sample())

        @jax.jit
        def both(x):
            return jax.value_and_grad(lambda x: PENALTIES[name](labels, logits=x, weights=weights))(
                x
            )

        way = np.random.default_rng(1).standard_normal(40)
        ahead, behind = (float(both(logits + step * way)[0]) for step in (1e-6, -1e-6))
        got = float(both(logits)[1] @ way)
        np.testing.assert_allclose(got, (ahead - behind) / 2e-6, rtol=1e-5)


@every_penalty
def test_what_is_masked_reaches_neither_value_nor_gradient(name):
    labels, logits, weights = (each.astype(np.float32) for each in sample(1, 20))
    padded = [
        np.append(each, np.full(20, np.nan, np.float32)) for each in (labels, logits, weights)
    ]
    keep = np.arange(40) < 20

    @jax.jit
    def masked(x):
        return PENALTIES[name](padded[0], logits=x, weights=padded[2], where=keep)

    value, gradient = jax.value_and_grad(masked)(jnp.asarray(padded[1]))
    want = PENALTIES[name](labels, logits=logits, weights=weights)
    np.testing.assert_allclose(value, want, rtol=1e-4, atol=1e-7)
    assert np.isfinite(gradient).all()
    assert not gradient[20:].any()


def test_smooth_penalty_is_the_smooth_error():
    labels, logits, weights = (each.astype(np.float32) for each in sample(2))
    got, want = (
        f(labels, logits=logits, weights=weights)
        for f in (smooth_error_penalty, smooth_calibration_error)
    )
    np.testing.assert_allclose(got, want, atol=1 / (4 * 512**2 * want) + 1e-6)


def test_mean_over_mini_batches_is_the_whole():
    """All batches of three among six, values and gradients: no bias from small batches."""
    with jax.enable_x64(True):
        labels, logits, _ = map(jnp.asarray, sample(3, 6))
        batches = np.array(list(itertools.combinations(range(6), 3)))

        def over_batches(x):
            return jax.vmap(lambda b: laplacian_kernel_penalty(labels[b], logits=x[b]))(
                batches
            ).mean()

        got = jax.value_and_grad(over_batches)(logits)
        want = jax.value_and_grad(lambda x: laplacian_kernel_penalty(labels, logits=x))(logits)
        np.testing.assert_allclose(got[0], want[0], rtol=1e-10)
        np.testing.assert_allclose(got[1], want[1], rtol=1e-9)


@pytest.mark.parametrize("softness", [0.01, 0.3])
def test_soft_bins_are_those_of_a_loop(softness):
    labels, logits, weights = sample(4)
    probs = 1 / (1 + np.exp(-logits))
    total = 0.0
    kernels = np.exp(-((probs[:, None] - (np.arange(7) + 0.5) / 7) ** 2) / softness)
    shares = weights[:, None] * kernels / kernels.sum(1, keepdims=True)
    for share in shares.T:
        total += (share @ (labels - probs)) ** 2 / share.sum()
    got = soft_binned_penalty(
        labels, logits=logits.astype(np.float32), weights=weights, bins=7, softness=softness
    )
    np.testing.assert_allclose(got, total / weights.sum(), atol=1e-6)


def test_hard_bins_are_the_limit():
    labels, logits, weights = (each.astype(np.float32) for each in sample(5))
    got = soft_binned_penalty(labels, logits=logits, weights=weights, bins=5, softness=1e-6)
    want = expected_calibration_error(labels, logits=logits, weights=weights, bins=5, norm=2) ** 2
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_isotonic_miscalibration_is_no_penalty_but_the_loss():
    """Its gradient in the logits is that of the mean cross-entropy."""
    with jax.enable_x64(True):
        labels, logits, _ = map(jnp.asarray, sample(6))
        got = jax.grad(lambda x: corp_decomposition(labels, logits=x).miscalibration)(logits)
        np.testing.assert_allclose(got, bce_gradient(logits, labels) / 40, rtol=1e-9, atol=1e-12)


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
