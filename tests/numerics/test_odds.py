import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import x64_for

from bcejax.analysis import extended, settle, worst
from bcejax.numerics import (
    complement_from_log,
    complement_surprisal,
    inverse,
    log_odds,
    odds_from_log,
    surprisal,
)

DTYPES = [np.float32, np.float64]
MOST = float(np.finfo(np.float32).max)


def probs(dtype, n=600):
    draw = np.random.default_rng(0)
    small = np.exp(draw.uniform(np.log(np.finfo(dtype).tiny), 0, n))
    near_half = 0.5 + np.exp(draw.uniform(-15, -1, n)) * draw.choice([-1, 1], n)
    p = np.concatenate([small, draw.uniform(0, 1, n), 1 - small[small > 1e-6], near_half])
    p = p.astype(dtype)
    return p[(p > 0) & (p < 1)]


def log_probs(dtype, n=600):
    draw = np.random.default_rng(1)
    edge = {np.float32: 86, np.float64: 700}[dtype]
    low = -np.exp(draw.uniform(-30, np.log(edge), n))
    return np.concatenate([low, draw.uniform(-3, 0, n)]).astype(dtype)


PROBS = {  # function of a probability, oracle's terms, bound in ulp
    "surprisal": (surprisal, lambda mp, p: [-mp.log(p)], 4),
    "complement": (complement_surprisal, lambda mp, p: [-mp.log1p(-p)], 4),
    "log_odds": (log_odds, lambda mp, p: [mp.log(p), -mp.log1p(-p)], 5),
    "surprisal'": (jax.vmap(jax.grad(surprisal)), lambda mp, p: [-1 / p], 1),
    "surprisal''": (jax.vmap(jax.grad(jax.grad(surprisal))), lambda mp, p: [1 / p**2], 3),
    "complement'": (jax.vmap(jax.grad(complement_surprisal)), lambda mp, p: [1 / (1 - p)], 2),
    "log_odds'": (jax.vmap(jax.grad(log_odds)), lambda mp, p: [1 / p, 1 / (1 - p)], 3),
}
LOGS = {
    "odds": (odds_from_log, lambda mp, u: [1 / mp.expm1(-u)], 4),
    "complement": (
        complement_from_log,
        lambda mp, u: [-mp.log1p(-mp.exp(u)) if u < -1 else -mp.log(-mp.expm1(u))],
        5,
    ),
    "complement'": (jax.vmap(jax.grad(complement_from_log)), lambda mp, u: [1 / mp.expm1(-u)], 4),
    "odds'": (
        jax.vmap(jax.grad(odds_from_log)),
        lambda mp, u: [1 / (mp.expm1(-u) * -mp.expm1(u))],
        9,
    ),
}


def check(f, terms, bound, points, dtype):
    with x64_for(dtype):
        got = np.asarray(jax.jit(f)(points))
    truth = [settle(lambda mp, v=v: terms(mp, mp.mpf(float(v)))) for v in points]
    least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max) / 4
    fits = np.array([least < abs(float(t)) < most for t in truth])
    exact = extended([t for t, fit in zip(truth, fits, strict=True) if fit], (int(fits.sum()),))
    assert fits.mean() > 0.5
    assert worst(got[fits], exact, points[fits]).error <= bound


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROBS)
def test_functions_of_a_probability(name, dtype):
    check(*PROBS[name], probs(dtype), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOGS)
def test_functions_of_a_log_probability(name, dtype):
    check(*LOGS[name], log_probs(dtype), dtype)


def test_certain_probabilities():
    p = jnp.array([0.0, 1.0], jnp.float32)
    np.testing.assert_array_equal(surprisal(p), [np.inf, 0])
    np.testing.assert_array_equal(complement_surprisal(p), [0, np.inf])
    np.testing.assert_array_equal(log_odds(p), [-np.inf, np.inf])
    np.testing.assert_array_equal(inverse(p), np.float32([MOST, 1]))
    np.testing.assert_array_equal(jax.vmap(jax.grad(surprisal))(p), np.float32([-MOST, -1]))
    np.testing.assert_array_equal(
        jax.vmap(jax.grad(complement_surprisal))(p), np.float32([1, MOST])
    )
    u = jnp.array([-np.inf, 0.0], jnp.float32)
    np.testing.assert_array_equal(odds_from_log(u), np.float32([0, MOST]))
    np.testing.assert_array_equal(complement_from_log(u), [0, np.inf])
    for f, at in [(surprisal, p), (complement_surprisal, p), (log_odds, p), (odds_from_log, u)]:
        zero = jax.jvp(jax.grad(lambda v, f=f: f(v).sum()), (at,), (jnp.zeros_like(at),))[1]
        np.testing.assert_array_equal(zero, [0, 0])
