"""The closed forms of logistic regression against mpmath, entry by entry."""

import mpmath
import numpy as np
import pytest
from scipy.special import expit

from bcejax.analysis import (
    logistic_gradient,
    logistic_hessian,
    logistic_hessian_product,
    logistic_loss,
)

DTYPES = [np.float32, np.float64, np.longdouble]


def data(scale, n=23, d=3, seed=0):
    """Inputs, labels and parameters that are float32, so that every dtype gets the same."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = np.where(rng.random(n) < 0.7, rng.random(n) < 0.5, rng.random(n)).astype(np.float32)
    b = (scale * rng.normal(size=d)).astype(np.float32)
    w = rng.integers(0, 4, n).astype(np.float32)
    return X, y, b, np.float32(-0.3), w


def in_mpmath(X, y, b, c, w):
    """Loss, gradient, Hessian, and the sums of absolute terms of each, in 60 digits."""
    mp = mpmath.mp
    rows = [[mp.mpf(float(v)) for v in row] + [mp.mpf(1)] for row in X]
    b = [mp.mpf(float(v)) for v in b] + [mp.mpf(float(c))]
    w = [mp.mpf(float(v)) / float(np.sum(w)) for v in w]
    d = len(b)
    loss = mp.mpf(0)
    g, H = mp.zeros(d, 1), mp.zeros(d)
    sizes = [mp.mpf(0), mp.zeros(d, 1), mp.zeros(d)]
    for row, target, weight in zip(rows, y, w, strict=True):
        label = mp.mpf(float(target))
        x = mp.fdot(row, b)
        reach = 1 + mp.fdot([abs(v) for v in row], [abs(v) for v in b])  # of an error in x
        p, q = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        value = -label * mp.log(p) - (1 - label) * mp.log(q)
        loss += weight * value
        sizes[0] += weight * (value + reach)
        for i in range(d):
            g[i] += weight * row[i] * ((1 - label) * p - label * q)
            sizes[1][i] += weight * abs(row[i]) * reach
            for j in range(d):
                H[i, j] += weight * row[i] * row[j] * p * q
                sizes[2][i, j] += weight * abs(row[i] * row[j]) * reach * p * q
    return (loss, g, H), sizes


def assert_close(got, want, size, dtype, terms):
    bound = mpmath.mpf(float(np.finfo(dtype).eps)) * (terms + 20)
    for place in np.ndindex(got.shape):
        exact = want[place if len(place) != 1 else place[0]] if place else want
        scale = size[place if len(place) != 1 else place[0]] if place else size
        value = mpmath.mpf(0)
        rest = got[place]
        while rest:  # a longdouble in two float64
            part = np.float64(rest)
            value, rest = value + mpmath.mpf(float(part)), rest - part
        assert abs(value - exact) <= bound * scale, place


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1, 30])
def test_within_the_bound_of_mpmath(dtype, scale):
    X, y, b, c, w = data(scale)
    n, d = X.shape
    with mpmath.workdps(60):
        wants, sizes = in_mpmath(X, y, b, c, w)
        for f, want, size in zip(
            (logistic_loss, logistic_gradient, logistic_hessian), wants, sizes, strict=True
        ):
            got = f(X, y, b, c, weights=w, dtype=dtype)
            assert got.dtype == dtype
            assert_close(got, want, size, dtype, n + d)


@pytest.mark.parametrize("scale", [1, 30])
def test_the_product_is_the_hessian_times_the_direction(scale):
    X, y, b, c, w = data(scale)
    v = np.array([0.5, -2, 1, 0.25])
    H = logistic_hessian(X, y, b, c, weights=w, dtype=np.float64)
    got = logistic_hessian_product(X, y, b, c, direction=v, weights=w, dtype=np.float64)
    size = np.abs(H) @ np.abs(v)
    assert np.all(np.abs(got - H @ v) <= 100 * np.finfo(np.float64).eps * size)


def test_weights_count_copies():
    X, y, b, c, w = data(1)
    copies = np.repeat(np.arange(len(y)), w.astype(int))
    for f in (logistic_loss, logistic_gradient, logistic_hessian):
        one = f(X, y, b, c, weights=w, dtype=np.float64)
        other = f(X[copies], y[copies], b, c, dtype=np.float64)
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)


def test_the_form_on_paper():
    """X^T (p - y) / n and X^T S X / n, as they stand, where they do not cancel."""
    X, y, b, c, _ = data(1)
    design = np.column_stack([X, np.ones(len(y))]).astype(np.float64)
    p = expit(X.astype(np.float64) @ b + c)
    np.testing.assert_allclose(
        logistic_gradient(X, y, b, c), design.T @ (p - y) / len(y), rtol=1e-6, atol=1e-8
    )
    S = np.diag(p * (1 - p))
    np.testing.assert_allclose(logistic_hessian(X, y, b, c), design.T @ S @ design / len(y), 1e-6)


def test_the_tail_keeps_its_digits():
    got = logistic_gradient([[1.0]], [1.0], [700.0], dtype=np.float64)
    np.testing.assert_allclose(got, -np.exp(-700.0), rtol=1e-14)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"inputs \(2, 1\), labels \(2, 1\), .* \(n, d\), \(n,\)"):
        logistic_loss([[1.0], [2.0]], [[0], [1]], [0.0])
    with pytest.raises(ValueError, match=r"direction has shape \(1,\); it must be \(2,\)"):
        logistic_hessian_product([[1.0], [2.0]], [0, 1], [0.0], direction=[1.0])
