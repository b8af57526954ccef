"""The gap bounds what is left above the optimum, everywhere; the norm is that of differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers import fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.certificates import certify, rounding

N, D = 24, 3
RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(N, D)), (RNG.random(N) < 0.4) * 1.0
SOFT, W, OFFSET = RNG.random(N), RNG.random(N), RNG.normal(size=N)
PENALTIES = {"l2": {"l2": 0.1}, "l1": {"l1": 0.05}, "both": {"l2": 0.1, "l1": 0.05}}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("labels", [Y, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_the_gap_bounds_the_distance_from_the_optimum(penalty, labels, intercept):
    options = penalty | {"weights": W, "offset": OFFSET, "intercept": intercept}
    best = fit_logistic(X, labels, **options, tol=1e-13)
    assert best.duality_gap < 1e-12
    problem = as_problem(X, labels, **options)
    optimum = np.append(best.coefficients, best.intercept)[: D + intercept]
    for far in (1e-4, 0.03, 1.0, 30.0):
        params = optimum + far * RNG.normal(size=len(optimum))
        value, norm, gap = certify(problem, params)
        assert value - best.value <= gap * (1 + 1e-9) + 1e-15
        assert norm > 1e-9
    # of second order near the optimum, where l1 leaves no corner
    if "l1" not in penalty:
        near = optimum + 1e-4
        assert certify(problem, near).duality_gap < 1e-5


def test_without_a_penalty_there_is_no_gap():
    problem = as_problem(X, Y)
    assert certify(problem, np.zeros(D + 1)).duality_gap == np.inf


@pytest.mark.parametrize("inputs", [np.zeros((4, 1)), np.zeros((4, 0))], ids=["zeros", "none"])
def test_columns_that_say_nothing_leave_no_gap_under_l1(inputs):
    labels = np.array([0.0, 1.0, 1.0, 1.0])
    for given in (inputs, jnp.asarray(inputs)):
        best = fit_logistic(given, labels, l1=0.1)
        assert best.duality_gap < 1e-6  # float32's tol where JAX has no float64


def test_the_norm_is_the_distance_from_the_subdifferential_in_units_of_the_columns():
    units = np.array([1e-3, 1.0, 1e5])
    problem = as_problem(X * units, SOFT, weights=W, offset=OFFSET, l2=0.1, l1=0.02)
    params = np.array([30.0, 0.0, -1e-5, 0.3])

    def value(params):
        b = params[:D]
        x = X * units @ b + params[D] + OFFSET
        losses = np.logaddexp(0, x) - SOFT * x
        return np.average(losses, weights=W) + 0.05 * b @ b

    steps = np.diag(np.append(1e-5 / units, 1e-5))
    slopes = [(value(params + e) - value(params - e)) / (2 * e.sum()) for e in steps]
    pulls = [0.02, -np.clip(slopes[1], -0.02, 0.02), -0.02, 0.0]
    roots = np.append(np.sqrt(np.average((X * units) ** 2, axis=0, weights=W)), 1.0)
    want = np.max(np.abs(np.add(slopes, pulls)) / roots)
    np.testing.assert_allclose(certify(problem, params).gradient_norm, want, rtol=1e-7)


def test_both_worlds_certify_alike():
    problem = as_problem(X, SOFT, weights=W, offset=OFFSET, l2=0.1, l1=0.02)
    params = RNG.normal(size=D + 1)
    with jax.enable_x64(True):
        got = jax.jit(certify)(jax.tree.map(jnp.asarray, problem), jnp.asarray(params))
        np.testing.assert_allclose(got, certify(problem, params), rtol=1e-12)


def test_rounding_covers_what_a_large_mean_costs():
    exact = np.float64(np.float32(X))
    near = as_problem(exact, Y)
    far = as_problem(exact + 2.0**30, Y)
    fit = fit_logistic(exact + 2.0**30, Y)
    params = np.append(fit.coefficients, fit.intercept)
    assert 1e-10 < certify(far, params).gradient_norm < rounding(far, params) < 1e-4
    assert rounding(near, np.zeros(D + 1)) < 1e-14
