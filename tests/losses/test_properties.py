"""What holds for every logit and label: symmetry, sign, convexity, order, agreement."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from losses.ways import each
from reference import hard_logits

from bcejax import (
    bce_gradient,
    bce_hessian,
    bce_value_gradient_hessian,
    bce_with_logits,
    bce_with_probs,
    bernoulli_kl,
)
from bcejax.analysis import spacing

N = 64  # one shape, one compilation
examples = settings(deadline=None, derandomize=True, max_examples=60)
logits = st.lists(st.floats(width=32, allow_nan=False), min_size=N, max_size=N).map(np.float32)
moderate = st.lists(st.floats(-87, 87, width=32), min_size=N, max_size=N).map(np.float32)
labels = st.lists(st.floats(0, 1, width=32), min_size=N, max_size=N).map(np.float32)
# k / 2^20: 1 - y is exact
dyadic = st.lists(st.integers(0, 2**20), min_size=N, max_size=N).map(
    lambda k: np.float32(k) / np.float32(2**20)
)
derivatives = jax.jit(bce_value_gradient_hessian)
loss = jax.jit(bce_with_logits)
divergence = jax.jit(bernoulli_kl)
on_probs = jax.jit(bce_with_probs)
slopes = [jax.jit(each(jax.grad(bce_with_logits, place))) for place in (0, 1)]
slopes_on_probs = [jax.jit(each(jax.grad(bce_with_probs, place))) for place in (0, 1)]
gradients, hessians = jax.jit(bce_gradient), jax.jit(bce_hessian)


@examples
@given(logits, dyadic)
def test_symmetric_bit_for_bit(x, y):
    """l(x, y) = l(-x, 1 - y): the two labels are names."""
    one, other = derivatives(x, y), derivatives(-x, 1 - y)
    np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(one.gradient, -other.gradient)
    np.testing.assert_array_equal(one.hessian, other.hessian)


@examples
@given(logits, labels)
def test_signs_and_ranges(x, y):
    value, gradient, hessian = derivatives(x, y)
    assert (value >= 0).all()
    assert ((gradient >= -1) & (gradient <= 1)).all()
    assert ((hessian >= 0) & (hessian <= 0.25)).all()
    assert (divergence(x, y) >= 0).all()


@examples
@given(logits, labels)
def test_never_nan(x, y):
    for f in (loss, divergence, *slopes):
        assert not np.isnan(f(x, y)).any()


@examples
@given(moderate, moderate, labels)
def test_convex_up_to_its_bound(a, b, y):
    """The tangent at a lies below the loss at b, but for the rounding of its parts."""
    value, gradient, _ = (np.asarray(part, np.float64) for part in derivatives(a, y))
    there = np.asarray(loss(b, y), np.float64)
    step = b.astype(np.float64) - a
    rounding = 3 * (spacing(value, np.float32) + spacing(there, np.float32))
    slack = rounding + np.abs(step) * 2.0**-24
    assert (value + gradient * step <= there + slack).all()


@examples
@given(moderate, moderate)
def test_in_order_up_to_its_bound(a, b):
    """For label 0 loss and gradient grow with the logit."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    zeros = np.zeros(N, np.float32)
    for part, bound in ((0, 3), (1, 1)):
        below = np.asarray(derivatives(low, zeros)[part], np.float64)
        above = np.asarray(derivatives(high, zeros)[part], np.float64)
        assert (below <= above + 2 * bound * spacing(above, np.float32)).all()


@examples
@given(logits, labels)
def test_the_closed_forms_are_the_parts(x, y):
    value, gradient, hessian = derivatives(x, y)
    np.testing.assert_array_equal(value, loss(x, y))
    np.testing.assert_array_equal(gradient, gradients(x, y))
    np.testing.assert_array_equal(hessian, hessians(x))


@examples
@given(labels, dyadic)
def test_probabilities_too_are_never_negative_and_never_nan(p, y):
    assert (on_probs(p, y) >= 0).all()
    for slope in slopes_on_probs:
        assert np.isfinite(slope(p, y)).all()


def test_dense_symmetry():
    x = hard_logits(np.float32, 100_000)
    for y in (0, 0.25, 0.5, 1):
        one = derivatives(x, np.full_like(x, y))
        other = derivatives(-x, np.full_like(x, 1 - y))
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.gradient, -other.gradient)
        assert (one.value >= 0).all()


def test_mixed_second_derivatives():
    """In logit, label and weight, whichever comes first."""
    x, y, c = np.float32([[-3, 0.5, 4], [0, 0.3, 1], [0.5, 2, 7]])

    def loss(x, y, c):
        return bce_with_logits(x, y, pos_weight=c)

    got = jax.jit(jax.vmap(jax.hessian(loss, (0, 1, 2))))(x, y, c)
    miss = 1 / (1 + np.exp(x))
    wanted = {
        (0, 1): (1 - c) * miss - 1,
        (0, 2): -y * miss,
        (1, 1): 0 * x,
        (1, 2): np.log1p(np.exp(-x)),
        (2, 2): 0 * x,
    }
    for (i, j), want in wanted.items():
        for mixed in (got[i][j], got[j][i]):
            np.testing.assert_allclose(mixed, want, rtol=2e-6)
    plain = jax.jit(jax.vmap(jax.hessian(bce_with_logits, (0, 1))))(x, y)
    for i, j, want in ((0, 1, -1), (1, 0, -1), (1, 1, 0)):
        np.testing.assert_array_equal(plain[i][j], np.full(3, want))
