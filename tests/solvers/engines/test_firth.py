"""Firth's fit against closed forms, brute force and itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom

from bcejax.solvers.engines.firth import FirthLikelihood, firth
from bcejax.solvers.engines.likelihood import Likelihood
from bcejax.solvers.engines.standardised import standardised
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus

N, D, BATCH = 24, 2, 11
RNG = np.random.default_rng(11)
X = RNG.normal([0, 3], 1, (N, D))
MIXED = (RNG.random(N) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
APART = (X[:, 0] + 0.3 * X[:, 1] > 1).astype(float)
SOFT = RNG.random(N)
W = RNG.integers(0, 4, N).astype(float)
OFFSET = RNG.normal(size=N)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@jax.jit
@jax.vmap
def fit(inputs, labels, weights, offset, l2):
    total = jnp.sum(weights)
    problem = Problem(inputs, labels, weights / total, offset, l2, jnp.zeros(()), True, total)
    return firth(problem, jnp.zeros(D + 1), 1e-12, 64)


def fitted(inputs=X, labels=MIXED, weights=None, offset=None, l2=0.0):
    """One of a batch of fits, which is the same program for all tests."""
    weights = np.ones(N) if weights is None else weights
    offset = np.zeros(N) if offset is None else offset
    batch = (np.stack([each] * BATCH) for each in (inputs, labels, weights, offset, l2))
    return jax.tree.map(lambda each: each[3], fit(*batch))


def objective(b, inputs=X, labels=MIXED, weights=None, offset=0.0, l2=0.0):
    """V*, as it is written on paper."""
    weights = np.ones(N) if weights is None else weights
    F = np.column_stack([inputs, np.ones(len(inputs))])
    x = offset + F @ b
    v = weights / (2 + 2 * np.cosh(x))
    ridge = weights.sum() * l2 / 2 * b[:-1] @ b[:-1]
    loss = weights @ (np.logaddexp(0, x) - labels * x) + ridge
    return loss - np.linalg.slogdet((F.T * v) @ F)[1] / 2


CASES = {
    "mixed": {},
    "separated": {"labels": APART},
    "one class": {"labels": np.ones(N)},
    "soft": {"labels": SOFT},
    "weights and offset": {"weights": W, "offset": OFFSET},
    "ridge": {"labels": APART, "l2": 0.05},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_brute_force_finds_no_better_place(case):
    ours = fitted(**case)
    assert ours.status == SolverStatus.CONVERGED
    assert ours.steps < 20
    b = np.asarray(ours.params)
    best = objective(b, **case)
    total = np.sum(case.get("weights", np.ones(N)))
    np.testing.assert_allclose(ours.certificate.value, best / total, rtol=1e-12)
    theirs = minimize(objective_of(case), b + 0.1, method="BFGS", options={"gtol": 1e-9})
    assert best <= theirs.fun + 1e-12
    np.testing.assert_allclose(b, theirs.x, rtol=1e-5, atol=1e-6)
    slope = [central(objective_of(case), b, e) for e in np.eye(D + 1)]
    np.testing.assert_allclose(slope, 0, atol=1e-7)


def objective_of(case):
    return lambda b: objective(b, **case)


def central(f, b, e, h=1e-5):
    return (f(b + h * e) - f(b - h * e)) / (2 * h)


@pytest.mark.parametrize("cells", [(3, 5, 6, 2), (0, 7, 4, 9), (0, 5, 6, 0), (4, 0, 9, 0)])
def test_a_table_of_two_by_two_has_a_half_more_in_each_cell(cells):
    a, b, c, d = cells  # label 1 and 0 without exposure, label 1 and 0 with it
    inputs, labels = np.full((N, D), np.nan), np.full(N, np.nan)
    weights = np.zeros(N)
    inputs[:4], labels[:4], weights[:4] = [[0, 0], [0, 0], [1, 0], [1, 0]], [1, 0, 1, 0], cells
    kept = weights > 0  # as the door leaves them: 0 under weight 0
    inputs, labels = np.where(kept[:, None], inputs, 0), np.where(kept, labels, 0)
    ours = fitted(inputs, labels, weights)
    base = np.log((a + 0.5) / (b + 0.5))
    np.testing.assert_allclose(ours.params[-1], base, rtol=1e-12)
    np.testing.assert_allclose(ours.params[0], np.log((c + 0.5) / (d + 0.5)) - base, rtol=1e-12)


def test_hessian_is_the_derivative_of_the_gradient_and_that_of_the_value():
    problem = Problem(X, jnp.asarray(SOFT), jnp.full(N, 1 / N), jnp.asarray(OFFSET), 0.1, 0.0, True)
    work = standardised(problem)
    star = FirthLikelihood.of(Likelihood.of(work, jnp.float64(N)))
    b, u = jnp.array([0.4, -0.3, 0.2]), jnp.array([1.0, -2.0, 0.5])

    @jax.jit
    def both(b):
        by_hand, by_machine = star.at(b), jax.jvp(star.at, (b,), (u,))[1]
        return by_hand.gradient @ u, by_machine.value, by_hand.hessian @ u, by_machine.gradient

    slope, wanted_slope, bend, wanted_bend = both(b)
    np.testing.assert_allclose(slope, wanted_slope, rtol=1e-11)
    np.testing.assert_allclose(bend, wanted_bend, rtol=1e-10)


def test_the_bias_of_order_one_over_n_is_taken_away():
    """Over all outcomes of 10 trials; the plain estimate's is (2 p - 1) / (2 n p (1 - p))."""
    p, k = 0.3, np.arange(11)
    weights, labels = np.zeros((11, N)), np.zeros(N)
    weights[:, 0], weights[:, 1], labels[0] = k, 10 - k, 1
    nothing = np.zeros((BATCH, N))
    each = fit(np.zeros((BATCH, N, D)), nothing + labels, weights, nothing, np.zeros(BATCH))
    np.testing.assert_allclose(each.params[:, -1], np.log((k + 0.5) / (10.5 - k)), rtol=1e-11)
    np.testing.assert_array_equal(each.params[:, :-1], 0)
    assert np.all(each.status == SolverStatus.SINGULAR)  # for columns of 0
    bias = binom.pmf(k, 10, p) @ np.asarray(each.params[:, -1]) - np.log(p / (1 - p))
    assert abs(bias) < (1 - 2 * p) / (20 * p * (1 - p)) / 4
