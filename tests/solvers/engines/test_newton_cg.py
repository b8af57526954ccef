"""The engines that take products alone, against the full Newton, in both worlds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO
from scipy.sparse import csr_array

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.certificates import certify
from bcejax.solvers.engines.dual import dual_lbfgs
from bcejax.solvers.engines.lbfgs import lbfgs
from bcejax.solvers.engines.newton_cg import newton_cg

N, D = 90, 6
RNG = np.random.default_rng(8)
X = np.where(RNG.random((N, D)) < 0.5, RNG.normal(size=(N, D)), 0)
X[[4, 40]] = 0  # empty rows
Y = (RNG.random(N) < 1 / (1 + np.exp(0.4 - X @ np.linspace(-2, 2, D)))).astype(float)
W = RNG.integers(0, 4, N).astype(float)
SHIFTS = RNG.normal(size=N)
EMPTY = X * (np.arange(D) != 2)
COLLINEAR = np.column_stack([X[:, :-1], X[:, 0] - X[:, 1]])

CASES = {
    "plain": (X, {}),
    "ill-scaled": (X * 10.0 ** np.arange(-120, 120, 40), {}),
    "far from 0": (X + 300.0, {}),
    "collinear": (COLLINEAR, {}),
    "an empty column": (EMPTY, {}),
    "no penalty": (X, {"l2": 0.0}),
    "weights and offset": (X, {"weights": W, "offset": SHIFTS}),
    "no intercept": (X, {"intercept": False}),
}
ENGINES = [lbfgs, newton_cg, dual_lbfgs]
SLACK = {"float32": 3e-3, "float64": 1e-6}


def newton(inputs, labels=Y, **more):
    return fit_logistic(inputs, labels, solver="newton", tol=1e-12, **({"l2": 0.01} | more))


def problem_of(inputs, labels=Y, **more):
    return as_problem(inputs, labels, **({"l2": 0.01} | more))


@functools.partial(jax.jit, static_argnames="engine")
def traced(engine, problem, tol):
    start = jnp.zeros(D + problem.intercept, problem.labels.dtype)
    return engine(problem, start, jnp.asarray(tol, start.dtype), 500)


def check(out, case, slack):
    inputs, more = CASES[case]
    want = newton(inputs, **more)
    params = np.float64(out.params)
    assert out.status == SolverStatus.CONVERGED
    sizes = np.abs(inputs).max(axis=0)
    np.testing.assert_allclose(params[:D] * sizes, want.coefficients * sizes, atol=slack)
    if more.get("intercept", True):
        np.testing.assert_allclose(params[-1], want.intercept, atol=slack * (1 + sizes.max()))
    problem = problem_of(inputs, **more)
    assert abs(problem.value(params) - want.value) <= slack**1.5


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_optimum_on_the_host(engine, case):
    if engine is dual_lbfgs and case in ("ill-scaled", "far from 0", "no penalty"):
        pytest.skip("takes a ridge and columns of like size about 0")
    inputs, more = CASES[case]
    problem = problem_of(inputs, **more)
    out = engine(problem, np.zeros(D + problem.intercept), 1e-9, 500)
    check(out, case, SLACK["float64"])


@pytest.mark.parametrize("case", ["plain", "weights and offset", "no intercept"])
def test_certificate_of_the_dual_is_that_of_certificates(case):
    inputs, more = CASES[case]
    problem = problem_of(inputs, **more)
    out = dual_lbfgs(problem, np.zeros(D + problem.intercept), 1e-5, 500)
    want = certify(problem, out.params)
    np.testing.assert_allclose(out.certificate, want, rtol=1e-9)


@pytest.mark.parametrize("case", ["plain", "weights and offset", "an empty column"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", [lbfgs, newton_cg])
def test_optimum_under_jit(engine, dtype, case):
    inputs, more = CASES[case]
    with jax.enable_x64(True):
        problem = jax.tree.map(lambda x: jnp.asarray(x, dtype), problem_of(inputs, **more))
        out = traced(engine, problem, {"float32": 1e-6, "float64": 1e-9}[dtype])
    assert out.params.dtype == dtype
    check(out, case, SLACK[dtype])


@pytest.mark.parametrize("case", ["plain", "weights and offset", "an empty column"])
@pytest.mark.parametrize("solver", ["lbfgs", "newton_cg", "auto"])
def test_csr_is_as_good_as_dense(solver, case):
    inputs, more = CASES[case]
    got = fit_logistic(csr_array(inputs), Y, solver=solver, **({"l2": 0.01} | more))
    want = newton(inputs, **more)
    assert got.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(got.coefficients, want.coefficients, atol=1e-6)
    assert abs(got.value - want.value) <= 1e-12


@pytest.mark.parametrize("solver", ["lbfgs", "newton_cg"])
def test_bcoo_is_as_good_as_dense(solver):
    inputs = BCOO.fromdense(jnp.asarray(X, jnp.float32))
    got = fit_logistic(inputs, jnp.asarray(Y, jnp.float32), solver=solver, l2=0.01)
    assert got.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(got.coefficients, newton(X).coefficients, atol=SLACK["float32"])


@pytest.mark.parametrize("l2", [0.0, 1e-20, 1e-6])
@pytest.mark.parametrize("kind", [np.asarray, csr_array, jnp.float32], ids=["numpy", "csr", "jax"])
def test_a_constant_column_beside_an_intercept_changes_nothing(kind, l2):
    """The column has no coefficient of its own, and its rounding must not give it one."""
    rng = np.random.default_rng(0)
    inputs, constant = rng.normal(size=(30, 2)), np.full((30, 1), 7.0)
    labels = (rng.random(30) < 1 / (1 + np.exp(-inputs[:, 0]))).astype(float)
    want, slack = newton(inputs, labels, l2=l2), 1e-9 if kind != jnp.float32 else 1e-3
    got = fit_logistic(kind(np.hstack([inputs, constant])), labels, l2=l2, solver="newton_cg")
    assert got.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(got.coefficients[:2], want.coefficients, atol=1e3 * slack)
    np.testing.assert_allclose(got.value, want.value, atol=slack)
    assert abs(got.coefficients[2]) < 1


def test_lbfgs_under_vmap():
    """Over weights, and over penalties."""
    rows = np.stack([W + 1, np.roll(W, 1) + 1, np.ones(N)])
    l2s = np.array([0.1, 0.01, 1.0])
    with jax.enable_x64(True):
        one = functools.partial(fit_logistic, jnp.asarray(X), jnp.asarray(Y), solver="lbfgs")
        got = jax.jit(jax.vmap(lambda w, l2: one(weights=w, l2=l2)))(rows, l2s)
    for k in range(3):
        want = newton(X, weights=rows[k], l2=l2s[k])
        assert got.status[k] == SolverStatus.CONVERGED
        np.testing.assert_allclose(got.coefficients[k], want.coefficients, atol=1e-7)


WIDE = RNG.normal(size=(40, 90))
WIDE_LABELS = (WIDE[:, 0] + RNG.normal(size=40) > 0).astype(float)


@pytest.mark.parametrize("kind", [np.asarray, csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("more", [{}, {"intercept": False}, {"weights": np.arange(40.0)}])
def test_wide_inputs_are_solved_among_the_examples(kind, more):
    for l2 in (1 / 40, 1e-4):
        # along what only the ridge bends, params are off by as much as the gradient over l2
        tol = 1e-6 * min(l2, 1e-3)
        got = fit_logistic(kind(WIDE), WIDE_LABELS, l2=l2, tol=tol, solver="newton_cg", **more)
        want = newton(WIDE, WIDE_LABELS, l2=l2, **more)
        assert got.status == SolverStatus.CONVERGED
        assert got.gradient_norm <= tol <= 1e-9
        np.testing.assert_allclose(got.coefficients, want.coefficients, atol=1e-6)
        assert abs(got.value - want.value) <= 1e-11


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_steps_are_taken_than_asked_for(limit):
    fit = fit_logistic(X, Y, solver="newton_cg", max_steps=limit)
    assert fit.status == SolverStatus.MAX_STEPS
    assert fit.steps == limit


APART = (X[:, 0] + X[:, 1] > 0.1).astype(float)
RARE = np.column_stack([X[:, :-1], np.arange(N) == 11]).astype(float)


@pytest.mark.parametrize("engine", [lbfgs, newton_cg])
def test_labels_told_apart_are_seen(engine):
    problem = problem_of(X, APART, l2=0.0)
    out = engine(problem, np.zeros(D + 1), 1e-9, 500)
    assert out.status == SolverStatus.SEPARATED
    assert np.all((X @ out.direction[:-1] + out.direction[-1] > 0) == APART)
    out = engine(problem_of(X, np.zeros(N)), np.zeros(D + 1), 1e-9, 500)
    assert out.status == SolverStatus.SEPARATED
    np.testing.assert_array_equal(out.direction, [0] * D + [-1])


@pytest.mark.parametrize("engine", [lbfgs, newton_cg])
def test_some_labels_told_apart_are_seen(engine):
    out = engine(problem_of(RARE, l2=0.0), np.zeros(D + 1), 1e-9, 500)
    assert out.status == SolverStatus.SEPARATED
    np.testing.assert_array_equal(np.abs(out.direction), [0] * (D - 1) + [1, 0])


def test_far_logits_that_others_hold_are_an_optimum():
    inputs = X.copy()
    inputs[7] *= 40
    out = newton_cg(problem_of(inputs, l2=0.0), np.zeros(D + 1), 1e-9, 500)
    want = newton(inputs, l2=0.0)
    assert out.status == want.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(out.params[:D], want.coefficients, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_few_steps_and_gaps_do_not_pass_as_optima(engine):
    out = engine(problem_of(X), np.zeros(D + 1), 1e-9, 2)
    assert out.status == SolverStatus.MAX_STEPS
    with np.errstate(all="ignore"):
        holed = engine(problem_of(np.where(X[0, 0] == X, np.nan, X)), np.zeros(D + 1), 1e-9, 50)
    assert holed.status != SolverStatus.CONVERGED
