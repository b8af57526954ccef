"""The asymmetric loss beyond the family's table: its margin, its kink, its tail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import each
from reference import hard_logits

from bcejax import asymmetric_loss, bce_with_logits, sigmoid_focal_loss
from bcejax.analysis import ulp_error

# Where dense sweeps found the largest errors.
WORST = np.float32([0.9858099, 0.1608699, 2.676528, 5.574816, 2.29001, 9.841738, 4.07544])


@pytest.mark.parametrize("gamma", [0.0, 4.0])
def test_easy_negatives_cost_nothing(gamma):
    x = np.float32([-np.inf, -50, -3, -2.95, -2.9, 0])  # s(-2.944) = 0.05
    loss = lambda x: asymmetric_loss(x, jnp.zeros_like(x), gamma_neg=gamma)  # noqa: E731
    for f in (loss, each(jax.grad(loss))):
        got = np.asarray(jax.jit(f)(x))
        np.testing.assert_array_equal(got[:4], 0)
        assert (got[4:] > 0).all()


def test_positives_cost_the_cross_entropy_by_default():
    x, ones = np.float32([-3, 0, 2]), np.ones(3, np.float32)
    np.testing.assert_allclose(asymmetric_loss(x, ones), bce_with_logits(x, ones), rtol=3e-7)


@pytest.mark.parametrize(("gamma", "shift"), [(4, 0.0625), (5, 0.25), (0.5, 0.375), (2, 0.75)])
def test_negatives_within_bounds_on_a_dense_sample(gamma, shift):
    """Digits are kept next to the margin, where s(x) - shift cancels."""
    margin = np.log(shift / (1 - shift))
    near = margin + 10.0 ** np.random.default_rng(0).uniform(-6, 1, 2000)
    x = np.concatenate([hard_logits(np.float32, 2000), np.float32(near), WORST])
    f = lambda x: asymmetric_loss(x, 0, gamma_neg=gamma, shift=shift)  # noqa: E731
    value, gradient = jax.jit(lambda x: (each(f)(x), each(jax.grad(f))(x)))(x)
    wide, margin = x.astype(np.longdouble), np.longdouble(shift)
    p, q = 1 / (1 + np.exp(-wide)), 1 / (1 + np.exp(wide))
    above = p > margin
    u = np.where(above, p - margin, 1)
    surprisal = np.where(u < 0.3, -np.log1p(-np.where(u < 0.3, u, 0)), -np.log(q + margin))
    exact = np.where(above, u**gamma * surprisal, 0)
    assert ulp_error(value, exact)[(exact == 0) | (exact >= 2.0**-126)].max() <= 4
    slope = p * q * (gamma * u ** (gamma - 1) * surprisal + u**gamma / (q + margin))
    deep = above & (slope < 1e-31)
    assert ulp_error(gradient, np.where(above, slope, 0))[~deep].max() <= 4.5


def test_the_margin_lowers_the_probability_of_negatives_only():
    x = np.float32([-1, 0, 2])
    for y in (0, 1):
        plain = asymmetric_loss(x, np.full(3, y), shift=0.0)
        moved = asymmetric_loss(x, np.full(3, y), shift=0.2)
        assert (moved < plain).all() if y == 0 else (moved == plain).all()


def test_hard_negatives_and_positives_are_not_clamped():
    """-log(1e-8) = 18.4 is where the published code stops, and its gradient with it."""
    x, y = np.float32([-30, -300, 30, 300]), np.float32([1, 1, 0, 0])
    plain = jax.jit(lambda x, y: asymmetric_loss(x, y, shift=0.0, gamma_neg=0.0))
    np.testing.assert_array_equal(plain(x, y), np.abs(x))
    slope = jax.jit(each(jax.grad(lambda x, y: asymmetric_loss(x, y, shift=0.0))))(x, y)
    np.testing.assert_array_equal(slope, [-1, -1, 1, 1])
    assert asymmetric_loss(np.float32(30), 0, shift=0.05) < -np.log(0.05)
    assert jax.jit(jax.grad(asymmetric_loss))(np.float32(30), 0.0) > 0


def test_the_kink_is_smooth_to_order_gamma():
    """The derivatives of u^4 (-log(1 - u)) are 0 at the margin."""
    x = np.float32(-np.log(3))  # s(x) = 1/4
    f = lambda x: asymmetric_loss(x, 0, gamma_neg=4.0, shift=0.25)  # noqa: E731
    derivatives = jax.jit(lambda x: [each(g)(x) for g in (f, jax.grad(f), jax.hessian(f))])
    for values in np.asarray(derivatives(x + np.float32([-1e-3, 0, 1e-3]))):
        assert values[0] == 0
        assert (np.abs(values) < 1e-4).all()


def test_without_margin_it_is_focal_for_each_label():
    x, y = np.float32([-3, -1, 2, 4]), np.float32([0, 1, 0, 1])
    got = asymmetric_loss(x, y, gamma_pos=1.0, gamma_neg=3.0, shift=0.0)
    np.testing.assert_array_equal(got[1::2], sigmoid_focal_loss(x, y, gamma=1.0)[1::2])
    np.testing.assert_array_equal(got[::2], sigmoid_focal_loss(x, y, gamma=3.0)[::2])


def test_soft_labels_mix_the_losses():
    x = np.float32([-2, 0.5, 3])
    ones, zeros, soft = (asymmetric_loss(x, np.full(3, y)) for y in (1.0, 0.0, 0.25))
    np.testing.assert_allclose(soft, 0.25 * ones + 0.75 * zeros, rtol=3e-7)


@pytest.mark.parametrize("shift", [-0.1, 1.0, np.nan])
def test_shift_out_of_range(shift):
    with pytest.raises(ValueError, match=r"shift lies in \[0, 1\), got"):
        asymmetric_loss(0.0, 1, shift=shift)


def test_cross_entropy_at_infinity():
    x, y = np.float32([np.inf, -np.inf]), np.float32([0, 1])
    plain = asymmetric_loss(x, y, gamma_neg=0.0, shift=0.0)
    np.testing.assert_array_equal(plain, bce_with_logits(x, y))
