"""Newton on dense columns against 50 digits, and what ends it."""

import jax
import mpmath
import numpy as np
import pytest

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.dense_newton import dense_newton

N, D = 14, 2
RNG = np.random.default_rng(2)
X, Y, W, OFFSET = RNG.normal(size=(N, D)), RNG.random(N), RNG.random(N), RNG.normal(size=N)


def exact(l2):
    """The optimum in 50 digits."""
    with mpmath.workdps(50):
        columns = mpmath.matrix(np.column_stack([X, np.ones(N)]).tolist())
        shares = [mpmath.mpf(w) / mpmath.fsum(W.tolist()) for w in W.tolist()]
        ridge = mpmath.diag([l2, l2, 0])
        b = mpmath.matrix(D + 1, 1)
        for _ in range(30):
            probs = [1 / (1 + mpmath.exp(-(columns[i, :] * b)[0] - OFFSET[i])) for i in range(N)]
            slopes = [w * (p - y) for w, p, y in zip(shares, probs, Y.tolist(), strict=True)]
            bends = [w * p * (1 - p) for w, p in zip(shares, probs, strict=True)]
            gradient = columns.T * mpmath.matrix(slopes) + ridge * b
            b -= mpmath.lu_solve(columns.T * mpmath.diag(bends) * columns + ridge, gradient)
        return np.array([float(each) for each in b])


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_params_are_those_of_50_digits(l2):
    problem = as_problem(X, Y, weights=W, offset=OFFSET, l2=l2)
    out = dense_newton(problem, np.zeros(D + 1), 1e-9, 50)
    assert out.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(out.params, exact(l2), rtol=1e-14, atol=1e-15)


def test_a_start_at_the_optimum_takes_one_pass():
    problem = as_problem(X, Y, weights=W, offset=OFFSET)
    assert dense_newton(problem, exact(0.0), 1e-9, 50).steps == 1


def test_no_steps_leave_the_start():
    start = np.array([1.0, 2.0, 3.0])
    out = dense_newton(as_problem(X, Y), start, 1e-9, 0)
    np.testing.assert_array_equal(out.params, start)
    assert out.status == SolverStatus.MAX_STEPS


def test_a_wild_start_falls_at_every_pass():
    problem = as_problem(X, Y, weights=W)
    start = np.array([30.0, -40.0, 20.0])
    values = [
        problem.value(np.asarray(dense_newton(problem, start, 1e-9, steps).params))
        for steps in range(1, 8)
    ]
    assert np.all(np.diff(values) < 1e-15)
    assert values[-1] < values[0] / 10


def test_blocks_change_nothing():
    copies = 700  # more rows than a block takes
    many = [np.repeat(each, copies, axis=0) for each in (X, Y, W, OFFSET)]
    inputs, labels, weights, offset = many
    big = as_problem(inputs, labels, weights=weights, offset=offset)
    with jax.enable_x64(True):
        traced = jax.tree.map(jax.numpy.asarray, big)
        outs = [
            dense_newton(big, np.zeros(D + 1), 1e-9, 50),
            jax.jit(dense_newton, static_argnums=3)(traced, jax.numpy.zeros(D + 1), 1e-9, 50),
        ]
        for out in outs:
            np.testing.assert_allclose(out.params, exact(0.0), rtol=1e-12)


def test_a_step_far_out_does_not_hide_a_direction():
    """The first steps end where only the two examples that are alike bend."""
    inputs = np.array([[-2, -1], [-2, 1], [2, 1], [-2, 1], [2, 2], [-1, 0]], float)
    labels, weights = np.array([1.0, 0, 0, 1, 0, 1]), [1, 2, 2, 0.5, 0.5, 1]
    shifts = [
        1.3332817288919618,
        5.405033517598409,
        12.418833028877154,
        0.3889637840477151,
        -5.29139308503791,
        3.8588478182173147,
    ]
    fit = fit_logistic(inputs, labels, weights=weights, offset=shifts, solver="newton")
    assert fit.status == SolverStatus.SEPARATED
    margins = (inputs @ fit.direction[:-1] + fit.direction[-1]) * (2 * labels - 1)
    assert margins.min() > -1e-12
    assert margins.max() > 0.1


@pytest.mark.parametrize(("levels", "seed"), [(3, 58), (5, 46), (5, 51), (12, 0), (20, 0)])
def test_indicators_of_all_levels_beside_an_intercept_depend(levels, seed):
    """In a factor the last pivot is lifted as many times as there are levels."""
    rng = np.random.default_rng(seed)
    inputs = np.eye(levels)[rng.integers(0, levels, 300)]
    labels = rng.random(300) < 0.4
    fit = fit_logistic(inputs, labels, solver="newton")
    assert fit.status == SolverStatus.SINGULAR
    assert np.ptp(fit.direction[:-1]) < 1e-12
    assert abs(fit.direction[0] + fit.direction[-1]) < 1e-12
    assert fit_logistic(inputs[:, 1:], labels, solver="newton").status == SolverStatus.CONVERGED


@pytest.mark.parametrize("apart", [1e-5, 3e-7, 1e-7, 3e-9])
def test_columns_that_nearly_depend_have_an_optimum(apart):
    """It is no direction along which nothing moves, and rests where the gradient is rounding."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(300, 2))
    twin = inputs[:, 0] + apart * rng.normal(size=300)
    fit = fit_logistic(np.column_stack([inputs, twin]), rng.integers(0, 2, 300), solver="newton")
    assert fit.status == SolverStatus.CONVERGED
    assert fit.gradient_norm <= 1e-9
