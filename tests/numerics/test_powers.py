"""Powers of probabilities and moments of the decaying exponential, against mpmath."""

from functools import partial

import jax
import mpmath
import numpy as np
import pytest
from losses.ways import each
from reference import hard_logits, x64_for

from bcejax.analysis import extended, ulp_error
from bcejax.numerics.pairs import Pair
from bcejax.numerics.powers import decay, decay_moment, sigmoid_power

DTYPES = [np.float32, np.float64]


def worst_of(got, exact):
    exact = extended(exact, got.shape)
    normal = np.abs(exact.float64()) >= np.finfo(got.dtype).tiny
    return np.where(normal, ulp_error(np.asarray(got), exact), 0).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("q", [0.0, 0.125, 0.6875, 1.0])
def test_powers_of_the_logistic_function(q, dtype):
    x = hard_logits(dtype, 200)
    with x64_for(dtype):
        got = np.asarray(jax.jit(sigmoid_power)(x, np.full_like(x, q)))
    with mpmath.workprec(1200):
        exact = [(1 / (1 + mpmath.exp(-mpmath.mpf(float(v))))) ** q for v in x]
    assert worst_of(got, exact) <= 2.5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("order", "bound"), [(0, 2), (1, 16), (2, 24)])
def test_moments(order, bound, dtype):
    """The higher ones serve derivatives in q alone: exp(-q l) there is XLA's."""
    draw = np.random.default_rng(0)
    length = np.exp(draw.uniform(-12, 4, 300)).astype(dtype)
    rate = np.where(np.arange(300) % 8 == 0, 0, np.exp(draw.uniform(-12, 1, 300))).astype(dtype)
    with x64_for(dtype):
        got = np.asarray(jax.jit(lambda *args: decay_moment(order, *args))(length, rate))
    with mpmath.workprec(300):
        exact = [
            mpmath.gammainc(order + 1, 0, mpmath.mpf(float(q)) * mpmath.mpf(float(v)))
            / mpmath.mpf(float(q)) ** (order + 1)
            if q
            else mpmath.mpf(float(v)) ** (order + 1) / (order + 1)
            for v, q in zip(length, rate, strict=True)
        ]
    assert worst_of(got, exact) <= bound


def test_derivatives_are_of_the_family():
    with x64_for(np.float64):
        x, q = np.float64([[-3, 0.5, 4, 1.5], [0.2, 0.7, 1, 0]])
        slopes = each(jax.grad(sigmoid_power, (0, 1)))(np.append(x, -np.inf), np.append(q, 0.5))
        (*in_logits, last), (*in_exponent, there) = slopes
        assert (last, there) == (0, 0)
        miss, power = 1 / (1 + np.exp(x)), (1 + np.exp(-x)) ** -q
        np.testing.assert_allclose(in_logits, q * power * miss, rtol=1e-13)
        np.testing.assert_allclose(in_exponent, power * np.log1p(-miss), rtol=1e-13)
        for order in (0, 1):
            moment = partial(decay_moment, order)
            in_length, in_rate = each(jax.grad(moment, (0, 1)))(size := np.abs(x), q)
            np.testing.assert_allclose(in_length, size**order * np.exp(-q * size), rtol=1e-13)
            np.testing.assert_allclose(in_rate, -decay_moment(order + 1, size, q), rtol=1e-13)


def test_ends():
    length, rate = np.float32([0, np.inf, np.inf, 2]), np.float32([0.5, 0.5, 0, 0])
    for order, want in enumerate(([0, 2, np.inf, 2], [0, 4, np.inf, 2])):
        np.testing.assert_array_equal(
            jax.jit(decay_moment, static_argnums=0)(order, length, rate), want
        )
        for place in (1, 2):
            slopes = each(jax.grad(lambda *args, n=order: decay_moment(n, *args), place - 1))
            assert np.isfinite(jax.jit(slopes)(length, rate)).all()
    in_length = each(jax.grad(partial(decay_moment, 0)))(length, rate)
    np.testing.assert_array_equal(in_length, [1, 0, 1, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_decay_of_a_pair(dtype):
    draw = np.random.default_rng(0)
    high = draw.uniform(0, 80, 200).astype(dtype)
    low = (draw.uniform(-0.5, 0.5, 200) * np.spacing(high)).astype(dtype)
    with x64_for(dtype):
        got = np.asarray(jax.jit(decay)(Pair(high, low)))
    with mpmath.workprec(300):
        pairs = zip(high, low, strict=True)
        exact = [mpmath.exp(-mpmath.mpf(float(a)) - mpmath.mpf(float(b))) for a, b in pairs]
    assert worst_of(got, exact) <= 0.9
    assert decay(Pair(np.float32(np.inf), np.float32(np.nan))) == 0
