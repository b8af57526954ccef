"""Newton's steps on a likelihood: held params, far starts, and no way out of nan."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from bcejax.solvers.engines.descent import descend, settled, solve_free
from bcejax.solvers.engines.likelihood import Likelihood

N = 30
RNG = np.random.default_rng(8)
F = np.column_stack([RNG.normal(size=(N, 2)), np.ones(N)])
Y = (RNG.random(N) < 0.4).astype(float)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@jax.jit
def down(start, free, labels):
    likelihood = Likelihood(jnp.asarray(F), labels, jnp.ones(N), jnp.zeros(N), jnp.zeros(3))
    return descend(likelihood.at, start, free, likelihood.reach, settled, 60)


def value(b):
    return np.sum(np.logaddexp(0, F @ b) - Y * (F @ b))


@pytest.mark.parametrize("start", [0.0, 30.0, -1e4])
def test_it_arrives_from_anywhere_and_holds_what_is_held(start):
    held = np.array([start, 0.7, start])
    rest = down(held, np.array([True, False, True]), Y)
    assert rest.params[1] == 0.7
    best = minimize(lambda b: value(np.array([b[0], 0.7, b[1]])), np.zeros(2), tol=1e-10)
    np.testing.assert_allclose(value(rest.params + rest.step), best.fun, rtol=1e-10)
    assert rest.steps < 40


def test_nan_ends_it():
    rest = down(np.zeros(3), np.ones(3, bool), np.full(N, np.nan))
    assert rest.steps == 1
    assert np.isnan(rest.point.value)


def test_the_free_part_of_a_system_is_solved():
    root = RNG.normal(size=(5, 3))
    hessian, free = root.T @ root, np.array([True, False, True])
    solved = solve_free(jnp.asarray(hessian), jnp.arange(3.0), free)
    wanted = np.linalg.solve(hessian[np.ix_(free, free)], np.array([0.0, 2.0]))
    np.testing.assert_allclose(solved[free], wanted, rtol=1e-9)
    assert solved[1] == 0
