"""The normaliser of the tempered softmax: digits, convergence, ends."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from losses.family import tempered_probs
from reference import x64_for

from bcejax.analysis import extended, ulp_error
from bcejax.numerics import tempered
from bcejax.numerics.tempered import solve_tempered, unlikely_power

DTYPES = [np.float32, np.float64]
TEMPERATURES = [1.0, 1 + 2.0**-13, 1.0625, 1.25, 2.0, 4.0]


def sizes(dtype, n=24):
    draw = np.random.default_rng(0)
    edge = 87 if dtype == np.float32 else 700
    spread = (
        np.exp(draw.uniform(-8, np.log(edge), n)),
        draw.uniform(0, 5, n),
        10.0 ** np.arange(2, 30, 5),
    )
    return np.concatenate([[0, 1e-6, edge], *spread]).astype(dtype)


def solve(x, t):
    with x64_for(x.dtype):
        return jax.jit(lambda x: solve_tempered(x, Fraction(t)))(x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("t", TEMPERATURES)
def test_within_3_ulp(t, dtype):
    x = sizes(dtype)
    x = x if t > 1 else x[x <= (87 if dtype == np.float32 else 700)]
    got = solve(x, t)
    with mpmath.workprec(2600):
        pairs = [tempered_probs(mpmath.mp, 2600, mpmath.mpf(float(v)), mpmath.mpf(t)) for v in x]
        unlikely = [c for _, c in pairs]
        likely_surprisal = [-mpmath.log1p(-c) for c in unlikely]
        logit = [-mpmath.log(c) - u for c, u in zip(unlikely, likely_surprisal, strict=True)]
    normal = np.array([c >= np.finfo(dtype).tiny for c in unlikely])
    for result, exact in (
        (got.unlikely, unlikely),
        (got.likely_surprisal, likely_surprisal),
        (got.tempered_logit, logit),
    ):
        error = ulp_error(np.asarray(result), extended(exact, x.shape))
        assert error[normal].max() <= 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_more_steps_change_nothing(dtype, monkeypatch):
    x = sizes(dtype, 200)
    got = [solve(x, t) for t in (1.0625, 4.0)]
    monkeypatch.setattr(tempered, "_STEPS", 9)
    for one, t in zip(got, (1.0625, 4.0), strict=True):
        more = solve(x, t)
        np.testing.assert_allclose(one.unlikely, more.unlikely, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_powers_keep_their_digits(dtype):
    x, t, n = np.array([1e2, 1e6, 1e12, 1e25], dtype), 1.25, 0.5
    with x64_for(dtype):
        got = unlikely_power(solve(x, t).unlikely_surprisal, Fraction(n))
    with mpmath.workprec(400):
        pairs = [tempered_probs(mpmath.mp, 400, mpmath.mpf(float(v)), mpmath.mpf(t)) for v in x]
        assert ulp_error(np.asarray(got), extended([c**n for _, c in pairs], x.shape)).max() <= 3


def test_derivatives_are_those_of_the_definition():
    """log_t p - log_t c = x, differentiated: p' (p^-t + c^-t) = 1."""
    x, t, n = np.array([0, 0.3, 2, 50]), 1.25, 0.5

    def all_of(x):
        solution = solve_tempered(x, Fraction(t))
        return solution, unlikely_power(solution.unlikely_surprisal, Fraction(n))

    with x64_for(np.float64):
        at_twice = jax.jit(lambda x: jax.jvp(all_of, (x,), (jnp.full_like(x, 2),)))
        (solution, _), (slopes, in_power) = at_twice(x)
    c = np.asarray(solution.unlikely)
    rise = 2 / ((1 - c) ** -t + c**-t)
    for got, want in (
        (slopes.unlikely, -rise),
        (slopes.unlikely_surprisal.high, rise / c),
        (slopes.unlikely_surprisal.low, 0 * c),
        (slopes.likely_surprisal, -rise / (1 - c)),
        (slopes.tempered_logit, rise / c + rise / (1 - c)),
        (in_power, -n * c**n * rise / c),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_ends():
    for t in (1.0, 4.0):
        solution = solve(np.float32([0, np.inf, np.nan, np.finfo(np.float32).max]), t)
        np.testing.assert_array_equal(solution.unlikely[:3], [0.5, 0, np.nan])
        np.testing.assert_array_equal(solution.tempered_logit[:3], [0, np.inf, np.nan])
        assert np.isfinite(solution.tempered_logit[3])
        got = unlikely_power(solution.unlikely_surprisal, Fraction(1, 2))
        np.testing.assert_allclose(got[:3], [np.sqrt(0.5), 0, np.nan], rtol=2e-7)
        np.testing.assert_array_equal(
            unlikely_power(solution.unlikely_surprisal, Fraction(0))[:2], 1
        )
