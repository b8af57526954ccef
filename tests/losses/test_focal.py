"""The focal loss beyond what the family's table asks: dense samples, gamma and alpha, optax."""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from losses.ways import each
from reference import hard_logits, x64_for

from bcejax import sigmoid_focal_loss
from bcejax.analysis import ulp_error

INF = np.inf
TINY = 2.0**-126
# Where dense sweeps of float32 found the largest errors of value and gradient.
WORST = [
    *(5.1995320, 5.1642513, 6.5884261, 5.1475630, 4.1468815, -0.5461822, -0.0428682),
    *(8.6368465, 0.3570274, 0.2700103, 2.5167851, -0.6486065, 9.3098135, 5.9101791),
]


def exact(x, gamma):
    """Value and gradient for label 1, in longdouble."""
    x, gamma = x.astype(np.longdouble), np.longdouble(np.float32(gamma))
    q, p = 1 / (1 + np.exp(x)), 1 / (1 + np.exp(-x))
    loss = np.where(x < 0, -x, 0) + np.log1p(np.exp(-np.abs(x)))
    with np.errstate(under="ignore"):
        return q**gamma * loss, -(q**gamma) * (gamma * p * loss + q)


@jax.jit
def both(x, y, gamma):
    def loss(x, y):
        return sigmoid_focal_loss(x, y, gamma=gamma)

    return loss(x, y), each(jax.grad(loss))(x, y)


@pytest.mark.parametrize("gamma", [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 3.7, 4.0, 5.0])
def test_within_4_ulp_on_a_dense_sample(gamma):
    """One program for all; the family's rows have their gamma as a constant."""
    x = np.concatenate([hard_logits(np.float32, 4000), np.float32(WORST)])
    want = exact(x, gamma)
    for y, sign in ((1, 1), (0, -1)):
        got = both(sign * x, np.full_like(x, y), np.float32(gamma))
        for one, other in zip((got[0], sign * got[1]), want, strict=True):
            assert ulp_error(one, other)[np.abs(other) >= TINY].max() <= 4


def test_gamma_below_1_where_probabilities_vanish():
    x = np.float32([20, 90, 1000, np.inf])

    @jax.jit
    def derivatives(x, gamma):
        f = lambda x: sigmoid_focal_loss(x, 1, gamma=gamma)  # noqa: E731
        return [each(g)(x) for g in (f, jax.grad(f), jax.hessian(f))]

    for gamma in (0.0, 0.1, 0.5):
        results = derivatives(x, np.float32(gamma))
        for result in results:
            assert np.isfinite(result).all()
            np.testing.assert_array_equal(result[1:], 0)
    assert abs(results[1][0] / np.float32(-1.403640e-13) - 1) < 1e-5


def test_one_gamma_and_alpha_for_each_example():
    x, y = np.float32([-1, 0.5, 3]), np.float32([1, 0, 0.3])
    gamma, alpha = np.float32([0, 2, 3.5]), np.float32([0.25, 0, 1])
    got = jax.jit(lambda *a: sigmoid_focal_loss(*a[:2], gamma=a[2], alpha=a[3]))(x, y, gamma, alpha)
    want = [
        jax.jit(partial(sigmoid_focal_loss, gamma=float(g), alpha=float(a)))(x, y)[i]
        for i, (g, a) in enumerate(zip(gamma, alpha, strict=True))
    ]
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_alpha_and_gamma_out_of_range():
    bad = np.float32([-1, np.nan])
    assert np.isnan(sigmoid_focal_loss(np.zeros(2, np.float32), np.ones(2), gamma=bad)).all()
    assert np.isnan(sigmoid_focal_loss(np.zeros(2, np.float32), np.ones(2), alpha=bad)).all()
    kept = sigmoid_focal_loss(np.ones(2, np.float32), np.ones(2), gamma=bad, where=False)
    np.testing.assert_array_equal(kept, 0)


def test_a_drop_in_for_optax():
    draw = np.random.default_rng(0)
    x, y = np.float32(draw.normal(0, 3, 500)), np.float32(draw.choice([0, 1, 0.3, 0.9], 500))
    for keywords in ({}, {"gamma": 1.0}, {"alpha": 0.25}, {"alpha": 0.9, "gamma": 3.0}):
        both = [partial(f, **keywords) for f in (sigmoid_focal_loss, optax.sigmoid_focal_loss)]
        got, want = (jax.jit(f)(x, y) for f in both)
        np.testing.assert_allclose(got, want, rtol=2e-5)


def test_optax_at_its_faults():
    """If one of these fails, it was repaired: its line goes."""
    x, one = np.float32(2), np.float32(1)
    theirs = jax.jit(jax.grad(lambda y: optax.sigmoid_focal_loss(x, y, gamma=2.0)))
    ours = jax.jit(jax.grad(lambda y: sigmoid_focal_loss(x, y, gamma=2.0)))
    assert abs(theirs(one) - -0.0248) < 1e-3
    assert abs(ours(one) - -0.05146) < 1e-4
    assert abs(theirs(0 * one) - -4.852) < 1e-2
    assert abs(ours(0 * one) - -4.4051) < 1e-3
    assert np.isnan(optax.sigmoid_focal_loss(np.float32(np.inf), one))
    assert sigmoid_focal_loss(np.float32(np.inf), one) == 0
    bend = lambda f, g: jax.jit(jax.grad(jax.grad(lambda x: f(x, one, gamma=g))))  # noqa: E731
    assert bend(optax.sigmoid_focal_loss, 0.0)(np.float32(-30)) == 0
    assert abs(bend(sigmoid_focal_loss, 0.0)(np.float32(-30)) / 9.3576e-14 - 1) < 1e-4
    assert abs(bend(sigmoid_focal_loss, 0.5)(np.float32(-30)) / -1.21649e-12 - 1) < 1e-4


def test_third_derivative():
    """Against differences of the second in float64; one program for both."""
    x, step = np.float64([-8, -2, -0.3, 0, 0.7, 4, 15]), 2.0**-16
    x, y = np.tile(x, 3), np.repeat([0.0, 1.0, 0.3], x.size)

    def pushed(f):
        return lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),))[1]

    @jax.jit
    def derivatives(x):
        second = pushed(pushed(lambda x: sigmoid_focal_loss(x, np.tile(y, 3), gamma=2.5)))
        return jax.jvp(second, (x,), (jnp.ones_like(x),))

    with x64_for(np.float64):
        second, third = derivatives(np.concatenate([x, x + step, x - step]))
    _, above, below = np.split(np.asarray(second), 3)
    np.testing.assert_allclose(third[: x.size], (above - below) / (2 * step), rtol=1e-6, atol=1e-9)


POINTS = [-87, -80, -60, -40, -10, -1, 0.5, 3, 30, 60, 87]
CORNERS = [(x, y) for x in (-INF, -1e4, 1e4, INF) for y in (0, 1, 0.25)]


def exact_bends(x, y, gamma):
    """Second derivatives in the label twice, and in logit and label, for a label in [0, 1]."""
    x, y, g = mpmath.mpf(float(x)), mpmath.mpf(float(y)), mpmath.mpf(float(gamma))
    p, q = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x))
    m, loss = y * q + (1 - y) * p, y * mpmath.log1p(mpmath.exp(-x)) - (1 - y) * mpmath.log1p(-p)
    rise, tilt, slope = (1 - 2 * y) * p * q, q - p, p - y  # of m in x and y, of the loss in x
    twice = g * m ** (g - 1) * tilt * ((g - 1) * tilt * loss / m - 2 * x)
    mixed = [
        g * (g - 1) * m ** (g - 2) * rise * tilt * loss,
        -2 * g * m ** (g - 1) * p * q * loss,
        -g * m ** (g - 1) * rise * x,
        g * m ** (g - 1) * tilt * slope,
        -(m**g),
    ]
    return twice, mixed


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.5])
def test_second_derivatives_through_the_label(gamma):
    """Where a power of m or its inverse leaves the numbers, but not their product."""
    x, y = map(np.float32, zip(*((x, y) for x in POINTS for y in (0, 1, 0.25)), strict=True))

    @jax.jit
    def hessians(x, y):
        return each(jax.hessian(partial(sigmoid_focal_loss, gamma=np.float32(gamma)), (0, 1)))(x, y)

    (_, mixed), (other, twice) = hessians(x, y)
    with mpmath.workprec(800):
        want = [exact_bends(*point, gamma) for point in zip(x, y, strict=True)]
        exact, terms = zip(*want, strict=True)
        exact = np.array(exact, np.float64)
        sizes = np.array([max(map(abs, each)) for each in terms], np.float64)
        sums = np.array([mpmath.fsum(each) for each in terms], np.float64)
    fits = (np.abs(exact) > 1e-31) & (np.abs(exact) < 1e37)
    assert fits.mean() > 0.5
    np.testing.assert_allclose(twice[fits], exact[fits], rtol=4e-6)
    for got in (mixed, other):
        assert (np.abs(got - sums) <= 4e-6 * sizes)[sizes > 1e-31].all()


@pytest.mark.parametrize("alpha", [None, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_label_derivatives_at_certain_answers_are_finite(gamma, alpha):
    x, y = map(np.float32, zip(*CORNERS, strict=True))
    loss = partial(sigmoid_focal_loss, gamma=gamma, alpha=alpha)

    @jax.jit
    def derivatives(x, y):
        first = each(jax.grad(loss, (0, 1)))
        zeros = jnp.zeros_like(x), jnp.zeros_like(y)
        still = [jax.jvp(f, (x, y), zeros)[1] for f in (loss, first)]
        return first(x, y), each(jax.hessian(loss, (0, 1)))(x, y), still

    first, second, still = jax.tree.map(np.asarray, derivatives(x, y))
    for got in jax.tree.leaves((first, second)):
        assert np.isfinite(got).all()
    for got in jax.tree.leaves(still):
        np.testing.assert_array_equal(got, 0)
