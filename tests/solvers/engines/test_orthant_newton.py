"""A quadratic with an l1 penalty has its least place where enumeration of all signs finds it."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers.engines.orthant_newton import orthant_newton
from bcejax.solvers.engines.proximal_newton import least_in_orthants

M = 4


def value(hessian, gradient, start, penalties, x):
    move = x - start
    return gradient @ move + move @ hessian @ move / 2 + penalties @ np.abs(x)


def by_enumeration(hessian, gradient, start, penalties):
    """The best of the minima in all 3^4 patterns of signs, where they keep their pattern."""
    best, least = np.inf, None
    for signs in itertools.product([-1, 0, 1], repeat=M):
        kept = np.flatnonzero((np.array(signs) != 0) | (penalties == 0))
        x = np.zeros(M)
        right = (hessian @ start - gradient - penalties * signs)[kept]
        x[kept] = np.linalg.lstsq(hessian[np.ix_(kept, kept)], right, rcond=None)[0]
        there = value(hessian, gradient, start, penalties, x)
        if there < best:
            best, least = there, x
    return least, best


def problem(seed, rank=M):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((rank, M)) * 10.0 ** rng.integers(-1, 2, M)
    penalties = rng.exponential(2, M)
    penalties[3] = 0 if seed % 2 and rank == M else penalties[3]
    start = rng.standard_normal(M) * rng.integers(0, 2, M)
    # a gradient that lies in the rows, or q may fall for ever
    return rows.T @ rows, rows.T @ rng.standard_normal(rank) * 3, start, penalties


@pytest.mark.parametrize("seed", range(40))
def test_is_the_best_of_all_orthants(seed):
    given = problem(seed)
    want, _ = by_enumeration(*given)
    got = orthant_newton(*given, 1e-10)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)
    assert np.array_equal(got == 0, want == 0)


@pytest.mark.parametrize("seed", range(10))
def test_is_as_low_where_the_hessian_is_singular(seed):
    given = problem(seed, rank=2)
    got = value(*given, orthant_newton(*given, 1e-9))
    assert got <= by_enumeration(*given)[1] + 1e-7


def test_jax_agrees():
    solve = jax.jit(lambda *given: least_in_orthants(*given, 1e-5))
    for seed in range(20):
        given = problem(seed)
        got = solve(*(jnp.asarray(each, jnp.float32) for each in given))
        want = by_enumeration(*given)[1]
        assert value(*given, np.float64(got)) <= want + 1e-4 * (1 + abs(want))


def test_stays_at_an_optimum():
    start = np.array([2.0, 0.0])
    got = orthant_newton(np.eye(2), np.array([-1.0, 0.5]), start, np.ones(2), 1e-12)
    assert np.array_equal(got, start)


def test_steps_are_bounded():
    given = problem(3)
    once = orthant_newton(*given, 0, max_steps=1)
    assert value(*given, once) < value(*given, given[2])
