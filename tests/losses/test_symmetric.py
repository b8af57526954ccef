"""Symmetric cross-entropy: its parts, its robustness, its settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import each
from reference import closed_form, hard_logits

from bcejax import bce_gradient, bce_with_logits, symmetric_cross_entropy
from bcejax.analysis import worst

X = np.repeat(hard_logits(np.float32, 4000), 2)
Y = np.tile(np.float32([0, 1]), X.size // 2)


def reverse(x, y, log_zero=-4.0):
    return symmetric_cross_entropy(x, y, alpha=0.0, beta=1.0, log_zero=log_zero)


@pytest.mark.parametrize(("alpha", "beta", "log_zero"), [(1, 1, -4), (6, 0.25, -4), (0, 2, -9)])
def test_within_4_ulp_on_a_dense_sample(alpha, beta, log_zero):
    def loss(x, y):
        return symmetric_cross_entropy(x, y, alpha=alpha, beta=beta, log_zero=log_zero)

    wrong = closed_form("sigmoid", np.where(Y == 1, -X, X), 0)
    slope = np.where(Y == 1, -1, 1) * closed_form("hessian", X, Y)
    value = alpha * closed_form("value", X, Y) - beta * log_zero * wrong
    gradient = alpha * closed_form("gradient", X, Y) - beta * log_zero * slope
    got = jax.jit(lambda x, y: (loss(x, y), each(jax.grad(loss))(x, y)))(X, Y)
    for result, exact in zip(got, (value, gradient), strict=True):
        normal = np.abs(exact) >= np.finfo(np.float32).tiny
        assert worst(np.asarray(result)[normal], exact[normal], X[normal], Y[normal]).error <= 4


def test_alpha_1_and_beta_0_is_the_cross_entropy_bit_for_bit():
    x, y = np.append(X, np.float32([np.inf, -np.inf])), np.append(Y, np.float32([0, 0]))

    def loss(x, y):
        return symmetric_cross_entropy(x, y, alpha=1.0, beta=0.0)

    np.testing.assert_array_equal(jax.jit(loss)(x, y), jax.jit(bce_with_logits)(x, y))
    got, want = (np.asarray(f(X, Y)) for f in (each(jax.grad(loss)), jax.jit(bce_gradient)))
    assert (np.abs(got - want) <= np.spacing(np.abs(want))).all()


def test_the_reverse_part_costs_the_two_labels_the_same_together():
    """What makes it robust: flipping labels adds a constant, Wang et al., theorem 1."""
    x = np.linspace(-90, 90, 200, dtype=np.float32)
    total = sum(jax.jit(reverse)(x, np.full_like(x, y)) for y in (0, 1))
    np.testing.assert_allclose(total, 4, rtol=2e-7)


def test_uncapped_soft_labels_say_their_odds():
    y = np.float32([0.1, 0.3, 0.5, 0.75])
    slope = each(jax.grad(lambda x, y: reverse(x, y, -100.0)))(np.zeros_like(y), y)
    np.testing.assert_allclose(slope, -np.log(y / (1 - y)) / 4, rtol=3e-7)
    assert slope[2] == 0


def test_capped_labels_have_no_slope():
    in_label = each(jax.grad(reverse, 1))
    x, y = np.float32([0.5, 0.5]), np.float32([0, 0.01])
    np.testing.assert_allclose(in_label(x, y), 1 / (1 + np.exp(x)) / (1 - y), rtol=3e-7)
    by_cap = jax.jit(jax.grad(reverse, 2))(np.float32(0.5), np.float32(0), -4.0)
    np.testing.assert_allclose(by_cap, -1 / (1 + np.exp(-0.5)), rtol=3e-7)


def test_derivatives_in_the_weights_are_the_parts():
    def loss(alpha, beta):
        return symmetric_cross_entropy(0.5, 0, alpha=alpha, beta=beta)

    direct, other = jax.grad(loss, (0, 1))(2.0, 3.0)
    np.testing.assert_array_equal(direct, bce_with_logits(0.5, 0))
    np.testing.assert_array_equal(other, reverse(0.5, 0))
    assert jnp.isfinite(jax.grad(lambda a: symmetric_cross_entropy(jnp.inf, 0, alpha=a))(0.0))


def test_a_wrong_certain_answer_costs_minus_log_zero_in_the_reverse_part():
    x, y = np.float32([np.inf, -np.inf, np.inf]), np.float32([0, 0, 0.5])
    np.testing.assert_allclose(reverse(x, y), [4, 0, np.log(2)], rtol=2e-7)


def test_settings_out_of_range():
    for name, value in (("alpha", -1), ("beta", -0.5), ("log_zero", 4)):
        assert np.isnan(symmetric_cross_entropy(0.5, 1, **{name: np.float32(value)}))
