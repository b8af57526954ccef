"""Derivatives of every order through scans, where jax before 0.12 drops rules in silence.

The family's second derivatives go through a scan in test_family.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from bcejax import (
    bce_gradient,
    bce_hessian,
    bce_with_log_probs,
    bce_with_logits,
    bce_with_probs,
    bernoulli_kl,
)

X = np.float32([-20.0, -3.0, -0.5, 0.0, 0.3, 2.0, 9.0, 18.0])
Y = np.float32([0, 1, 0.25, 1, 0, 0.5, 1, 0])
V = np.float32([1, -2, 3, 1, -1, 2, 4, -3])
LOSSES = {
    "gradient": bce_gradient,
    "hessian": bce_hessian,
    "kl": bernoulli_kl,
    "highest": lambda x, y: bce_with_logits(x, y, accuracy="highest"),
    "everything": lambda x, y: bce_with_logits(
        x, y, pos_weight=1 + y * y, label_smoothing=0.1, where=x > -10
    ),
    "probs": lambda x, y: bce_with_probs(0.5 + x / 41, y),
    "log_probs": lambda x, y: bce_with_log_probs(-0.1 - x * x / 99, y),
}


def at_once(loss):
    return lambda x, y: loss(x, y).sum()


def in_a_scan(loss):
    """The sum, in pieces."""

    def total(x, y):
        def add(so_far, block):
            return so_far + loss(*block).sum(), None

        return lax.scan(add, jnp.zeros((), x.dtype), (x.reshape(4, 2), y.reshape(4, 2)))[0]

    return total


def product(total, x, y):
    """The Hessian's with V."""
    return jax.jvp(lambda u: jax.grad(total)(u, y), (x,), (V,))[1]


def in_label(total, x, y):
    """The mixed derivatives', in logit and label, with V."""
    return jax.jvp(lambda t: jax.grad(total)(x, t), (y,), (V,))[1]


def close(got, right):
    scale = float(np.abs(right).max())
    assert scale > 0
    np.testing.assert_allclose(got, right, rtol=2e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("name", LOSSES)
def test_a_scan_changes_no_second_derivative(name):
    loss = LOSSES[name]
    both = jax.jit(lambda x, y: [product(way(loss), x, y) for way in (in_a_scan, at_once)])
    close(*both(X, Y))


def test_nor_one_of_higher_order_or_in_the_label_or_in_nested_scans():
    def nested(x, y):
        return lax.map(lambda _: in_a_scan(bce_with_logits)(x, y), jnp.ones(1))[0]

    def third(total, x, y):
        return jax.grad(lambda u: jnp.vdot(product(total, u, y), V))(x)

    def every(total, x, y):
        return in_label(total, x, y), third(total, x, y)

    ways = nested, at_once(bce_with_logits)
    for got, right in zip(
        *jax.jit(lambda x, y: [every(way, x, y) for way in ways])(X, Y), strict=True
    ):
        close(got, right)


def test_second_derivatives_in_eager_scans_too():
    total = in_a_scan(bce_with_logits)
    got = jax.grad(lambda x: jnp.vdot(jax.grad(total)(x, Y), V))(X)
    np.testing.assert_allclose(got, bce_hessian(X) * V, rtol=2e-6)
