"""Forward correction: rates, limits, far tails, and that it undoes the noise."""

import jax
import mpmath
import numpy as np
import pytest
from losses.family import forward_corrected
from losses.ways import each
from reference import closed_form, hard_logits

from bcejax import bce_gradient, bce_with_logits, forward_corrected_loss
from bcejax.analysis import extended, worst

INF, NAN = np.inf, np.nan
X = np.repeat(hard_logits(np.float32, 4000), 2)
Y = np.tile(np.float32([0, 1]), X.size // 2)


def loss(x, y, f, g):
    return forward_corrected_loss(x, y, flip_positive=f, flip_negative=g)


@jax.jit
def value_and_gradient(x, y, f, g):
    return loss(x, y, f, g), jax.grad(lambda x: loss(x, y, f, g).sum())(x)


@pytest.mark.parametrize("rates", [(0.25, 0.125), (0.0, 0.25), (0.3, 0.6), (0.75, 0.125)])
def test_within_4_ulp_on_a_dense_sample(rates):
    f, g = np.float32(rates).astype(np.longdouble)
    p, rest = closed_form("sigmoid", X, 0), closed_form("sigmoid", -X, 0)
    ones, zeros = (1 - f) * p + g * rest, f * p + (1 - g) * rest
    slope = (1 - f - g) * p * rest
    # -log of what is near 1 loses digits even in longdouble: from the other one
    value = np.where(Y == 1, _surprisal(ones, zeros), _surprisal(zeros, ones))
    gradient = np.where(Y == 1, -slope / ones, slope / zeros)
    got = value_and_gradient(X, Y, *np.float32(rates))
    for result, exact in zip(got, (value, gradient), strict=True):
        normal = np.abs(exact) >= np.finfo(np.float32).tiny
        assert worst(np.asarray(result)[normal], exact[normal], X[normal], Y[normal]).error <= 4


def _surprisal(prob, rest):
    return np.where(rest < 0.25, -np.log1p(-np.minimum(rest, 0.5)), -np.log(prob))


def test_no_noise_is_the_cross_entropy():
    got, slope = (np.asarray(each) for each in value_and_gradient(X, Y, 0.0, 0.0))
    wanted = (np.asarray(jax.jit(f)(X, Y)) for f in (bce_with_logits, bce_gradient))
    for result, want in zip((got, slope), wanted, strict=True):
        assert (np.abs(result - want) <= np.spacing(np.abs(want))).all()
    np.testing.assert_array_equal(loss(np.float32([-INF, INF]), np.float32([0, 0]), 0, 0), [0, INF])


def test_infinite_logits_cost_what_noise_explains():
    x, y = np.float32([INF, INF, -INF, -INF]), np.float32([0, 1, 0, 1])
    want = -np.log([0.25, 0.75, 0.875, 0.125])
    np.testing.assert_allclose(loss(x, y, 0.25, 0.125), want, rtol=2e-7)
    np.testing.assert_array_equal(value_and_gradient(x, y, 0.25, 0.125)[1], 0)


@pytest.mark.parametrize("rate", [1e-6, 1e-10, 1e-25, 1e-37])
def test_small_rates_take_over_where_the_probability_ends(rate):
    """exp(-x) is flushed from 87 on, exp(-x) / rate is not."""
    rate = np.float32(rate)
    x = np.float32([60, 80, 86, 88, 90, 95, 120, 170, 1e4])
    x = x[np.exp(-x.astype(float)) / rate > 1.2e-38]
    got = value_and_gradient(-x, np.ones_like(x), np.float32(0), rate)
    with mpmath.workdps(200):
        parts = [1 / (1 + mpmath.exp(mpmath.mpf(float(v)))) for v in x]
        seen = [(1 - mpmath.mpf(float(rate))) * p + float(rate) for p in parts]
        values = [-mpmath.log(each) for each in seen]
        slopes = [-(1 - float(rate)) * p * (1 - p) / t for p, t in zip(parts, seen, strict=True)]
    assert worst(got[0], extended(values, x.shape), x).error <= 4
    big = np.array([abs(each) > 1.2e-38 for each in slopes])
    exact = extended([each for each in slopes if abs(each) > 1.2e-38], (big.sum(),))
    assert worst(np.asarray(got[1])[big], exact, x[big]).error <= 4


@pytest.mark.parametrize("rates", [(0.25, 0.125), (0.0, 0.25), (0.0, 0.0)])
def test_derivatives_in_the_rates(rates):
    x, y = np.repeat(np.float32([-6, -1, 0, 0.5, 3]), 3), np.tile(np.float32([0, 1, 0.25]), 5)
    f, g = (np.full_like(x, rate) for rate in rates)

    def derivative(point, place):
        def moved(rate):
            moved_rates = [*rates]
            moved_rates[place] = rate
            return forward_corrected(*moved_rates, mpmath.mp, *map(mpmath.mpf, map(float, point)))

        with mpmath.workdps(80):
            return float(mpmath.diff(moved, rates[place], h="1e-30"))

    got = jax.jit(each(jax.grad(loss, (2, 3))))(x, y, f, g)
    for place, result in enumerate(got):
        exact = [derivative(point, place) for point in zip(x, y, strict=True)]
        np.testing.assert_allclose(result, exact, rtol=4e-6, atol=1e-6)


def test_expected_loss_is_least_at_the_true_probability():
    """Patrini et al., theorem 2: the noise does not move the minimiser."""
    truth, f, g = 0.8125, 0.25, 0.125
    recorded = (1 - f) * truth + g * (1 - truth)
    x = np.float32(np.log(truth / (1 - truth)))
    assert abs(jax.grad(loss)(x, np.float32(recorded), f, g)) <= 1e-7
    assert abs(jax.grad(bce_with_logits)(x, np.float32(recorded))) > 0.1


def test_rates_out_of_range():
    with pytest.raises(ValueError, match=r"flip_positive \+ flip_negative lies below 1, got 1"):
        loss(0.5, 1, 0.5, 0.5)
    for f, g in ((0.5, 0.5), (0.75, 0.5), (-0.5, 0), (NAN, 0)):
        assert np.isnan(loss(0.5, 1, np.float32(f), np.float32(g)))
        assert np.isnan(jax.jit(jax.grad(loss))(0.5, 1.0, f, g))
