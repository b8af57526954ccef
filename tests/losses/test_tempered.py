"""Bi-tempered loss: its limits, the paper's formula, its temperatures, its robustness."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from losses.family import bi_tempered, bi_tempered_terms, tempered_probs
from losses.ways import each
from reference import hard_logits

from bcejax import bce_gradient, bce_hessian, bce_with_logits, bi_tempered_loss
from bcejax.analysis import extended, ulp_error

X = np.repeat(hard_logits(np.float32, 40), 2)
Y = np.tile(np.float32([0, 1]), X.size // 2)
TEMPERATURES = [(0.8, 1.3), (0.0, 2.0), (0.5, 1.0), (1.0, 1.5), (0.9, 1.05), (0.5, 4.0), (1.0, 1.0)]


@cache
def program(t1, t2):
    loss = partial(bi_tempered_loss, t1=t1, t2=t2)
    return jax.jit(lambda x, y: (loss(x, y), each(jax.grad(loss))(x, y)))


def tempered(t1, t2, x, y):
    """Value and gradient; points are repeated up to one number, for the compiler's sake."""
    results = program(t1, t2)(np.resize(x, 4001), np.resize(y, 4001))
    return [np.asarray(each)[: x.size] for each in results]


@pytest.mark.parametrize("temperatures", TEMPERATURES)
def test_within_4_ulp_of_the_definition(temperatures):
    """Also far out, where the logistic function has ended and the tail is a power."""
    x = np.append(X, np.float32([-1e3, -1e3, 1e6, 1e6, -1e12, -1e12]))
    y = np.append(Y, np.float32([0, 1] * 3))
    rounded = [float(np.float32(t)) for t in temperatures]

    def value(x, y):
        return bi_tempered(*rounded, mpmath.mp, x, y)

    def slope(x, y):
        return sum(bi_tempered_terms(*rounded, mpmath.mp, x, y)["gradient"])

    for got, exact in zip(tempered(*temperatures, x, y), (value, slope), strict=True):
        with mpmath.workprec(500):
            points = [map(mpmath.mpf, map(float, point)) for point in zip(x, y, strict=True)]
            want = [exact(*point) for point in points]
        normal = np.array([abs(each) >= np.finfo(np.float32).tiny for each in want])
        assert ulp_error(got, extended(want, x.shape))[normal].max() <= 4


def test_temperatures_1_are_the_cross_entropy():
    got, slope = tempered(1.0, 1.0, X, Y)
    np.testing.assert_array_equal(got, jax.jit(bce_with_logits)(X, Y))
    want = np.asarray(jax.jit(bce_gradient)(X, Y))
    assert (np.abs(slope - want) <= np.spacing(np.abs(want))).all()
    bend = each(jax.hessian(partial(bi_tempered_loss, t1=1, t2=1)))(X, Y)
    np.testing.assert_allclose(bend, jax.jit(bce_hessian)(X), rtol=4e-7)


def test_soft_labels_differ_from_the_paper_by_what_depends_on_the_label():
    """The paper's divergence is 0 where p = y; ours is the least there."""
    x, y = np.float32([-3, -0.5, 0, 2]), np.float32(0.3)
    t1, k = 0.75, 0.25
    p = _probs(x, 1.25)
    entropy = 0.0
    paper = 0.0
    for share, prob in ((y, p), (1 - y, 1 - p)):
        entropy -= share * (share**k - 1) / k + (1 / 2 - share ** (1 + k)) / (1 + k)
        paper += share * (share**k - prob**k) / k - (share ** (1 + k) - prob ** (1 + k)) / (1 + k)
    ours = bi_tempered_loss(x, np.full_like(x, y), t1=t1, t2=1.25)
    np.testing.assert_allclose(ours, paper + entropy, rtol=1e-5)


def _probs(x, t2):
    with mpmath.workprec(200):
        found = [tempered_probs(mpmath.mp, 200, mpmath.mpf(float(v)), mpmath.mpf(t2)) for v in x]
        return np.array([float(p) for p, _ in found])


def test_every_mode_and_order_agrees():
    x, y = np.float32([-40, -2, -1e-3, 0, 0.5, 3, 1e4]), np.float32([1, 0, 0.5, 1, 0.25, 1, 0])
    loss = bi_tempered_loss
    second = jax.grad(jax.grad(loss)), jax.jacfwd(jax.jacfwd(loss)), jax.jacfwd(jax.jacrev(loss))
    mixed = jax.grad(jax.grad(loss), 1), jax.jacfwd(jax.jacrev(loss, 1))
    for group in (second, mixed):
        results = jax.jit(lambda x, y, fs=group: [each(f)(x, y) for f in fs])(x, y)
        for got in results[1:]:
            np.testing.assert_allclose(got, results[0], rtol=2e-6, atol=1e-7)


def test_third_derivative_against_differences():
    loss = partial(bi_tempered, 0.75, 1.25, mpmath.mp)
    ours = jax.jit(each(jax.grad(jax.hessian(partial(bi_tempered_loss, t1=0.75, t2=1.25)))))
    x, y = np.float32([-20, -2, 0.5, 3, 50]), np.float32([1, 0, 0.25, 1, 0])
    with mpmath.workprec(600):
        points = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
        want = [mpmath.diff(lambda v, b=b: loss(v, b), a, 3, h="1e-30") for a, b in points]
    np.testing.assert_allclose(ours(x, y), np.array(want, float), rtol=4e-6)


def test_bounded_and_its_gradient_dies_for_outliers():
    """t1 < 1 bounds the loss, t2 > t1 makes the gradient redescend."""
    x = np.float32([0, 5, 30, 1e3, 1e6, 3e38, np.inf])
    losses, slopes = tempered(0.8, 1.3, x, np.zeros_like(x))
    np.testing.assert_allclose(losses[-1], 1 / (1 - np.float32(0.8)), rtol=1e-6)
    assert (np.diff(losses) >= 0).all()
    assert (np.diff(slopes)[1:] <= 0).all()
    assert slopes[-1] == 0


def test_monotone_in_the_logit():
    x = np.linspace(-100, 100, 4001, dtype=np.float32)
    losses, _ = tempered(0.8, 1.3, x, np.ones_like(x))
    assert (np.diff(losses) <= 4 * np.spacing(losses[1:])).all()


def test_temperatures_are_python_numbers():
    for value in (jnp.ones(2), "1"):
        with pytest.raises(TypeError, match="t2 must be a Python number"):
            bi_tempered_loss(0.5, 1, t2=value)
    with pytest.raises(TypeError, match="t2 must be a Python number"):
        jax.jit(lambda t: bi_tempered_loss(0.5, 1, t2=t))(1.5)
