"""Steps from a sample against the full Newton, and all that must be left to it."""

import numpy as np
import pytest

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.certificates import certify
from bcejax.solvers.engines import sketched
from bcejax.solvers.engines.blockwise import Blockwise

N, D = 3001, 7  # five blocks of 512 and a remainder, with CACHED as below
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, D))
Y = (RNG.random(N) < 1 / (1 + np.exp(0.4 - X @ np.linspace(-1, 1, D)))).astype(float)
W = RNG.integers(0, 4, N).astype(float)
SHIFTS = RNG.normal(size=N)
COLLINEAR = np.column_stack([X[:, :-1], X[:, 0] - X[:, 1]])
RARE = np.column_stack([X[:, :-1], np.arange(N) % 1000 == 1]).astype(float)
SORTED = np.argsort(Y, kind="stable")

CASES = {
    "plain": (X, {}),
    "ill-scaled": (X * 10.0 ** np.arange(-120, 160, 40) + [0, 0, 0, 3, 0, 0, 0], {}),
    "far from 0": (X + 300.0, {}),
    "collinear": (COLLINEAR, {}),
    "a rare feature": (RARE, {}),
    "no penalty": (X, {"l2": 0.0}),
    "a strong one": (X, {"l2": 10.0}),
    "weights and offset": (X, {"weights": W, "offset": SHIFTS}),
    "no intercept": (X, {"intercept": False}),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr("bcejax.solvers.engines.blockwise.BLOCK", 2**12)
    monkeypatch.setattr("bcejax.solvers.side_by_side.WORTH", 1)
    monkeypatch.setattr(sketched, "FEWEST", 1)


def fit(inputs, labels=Y, tol=1e-9, start=None, max_steps=100, **more):
    problem = as_problem(inputs, labels, **({"l2": 1 / N} | more))
    start = np.zeros(D + problem.intercept) if start is None else start
    return problem, sketched.sketched(problem, start, tol, max_steps)


def newton(inputs, labels=Y, **more):
    return fit_logistic(inputs, labels, solver="newton", tol=1e-12, **({"l2": 1 / N} | more))


@pytest.mark.parametrize("case", CASES)
def test_the_door_gives_the_optimum_of_newton(case):
    inputs, more = CASES[case]
    got = fit_logistic(inputs, Y, **({"l2": 1 / N} | more))
    want = newton(inputs, **more)
    assert got.status == want.status == SolverStatus.CONVERGED
    assert got.gradient_norm <= 1e-9
    assert abs(got.value - want.value) <= 1e-12 * want.value
    sizes = np.abs(inputs).max(axis=0)
    np.testing.assert_allclose(got.coefficients * sizes, want.coefficients * sizes, atol=2e-6)
    np.testing.assert_allclose(got.intercept, want.intercept, atol=2e-6 * (1 + sizes.max() / 9))


@pytest.mark.parametrize("case", ["plain", "ill-scaled", "a strong one", "weights and offset"])
def test_a_sample_is_enough(case):
    """Most cases never see the full Newton, in a few passes."""
    inputs, more = CASES[case]
    _, out = fit(inputs, **more)
    assert out.status == SolverStatus.CONVERGED
    assert out.steps <= 9


@pytest.mark.parametrize("case", ["plain", "ill-scaled", "weights and offset"])
def test_inputs_that_are_too_many_to_keep(case, monkeypatch):
    inputs, more = CASES[case]
    _, want = fit(inputs, **more)
    monkeypatch.setattr("bcejax.solvers.engines.blockwise.KEPT", 0)
    _, out = fit(inputs, **more)
    assert out.status == want.status == SolverStatus.CONVERGED
    sizes = np.append(np.abs(inputs).max(axis=0), 1)
    np.testing.assert_allclose(out.params * sizes, want.params * sizes, atol=2e-6)


def test_float32_tells_nearly_what_float64_does():
    problem = as_problem(X, Y, weights=W, offset=SHIFTS, l2=0.1)
    whole = Blockwise.of(problem)
    params = np.linspace(-1, 1, D + 1)
    gradient, scales, hessian = whole.begin(params, 1)
    rough, curvature = whole.rough_curvature(params, 1)
    np.testing.assert_allclose(rough, gradient, atol=1e-6)
    np.testing.assert_array_equal(rough, whole.rough_gradient(params))
    np.testing.assert_allclose(curvature, hessian, atol=1e-5)
    np.testing.assert_allclose(whole.scales, scales, rtol=1e-5)


def test_order_of_examples_does_not_mislead():
    _, out = fit(X[SORTED], Y[SORTED])
    assert out.status == SolverStatus.CONVERGED
    np.testing.assert_allclose(out.params[:-1], newton(X).coefficients, atol=1e-7)


@pytest.mark.parametrize("case", ["plain", "weights and offset", "no intercept"])
def test_certificate_is_that_of_certificates(case):
    inputs, more = CASES[case]
    problem, out = fit(inputs, tol=1e-4, **more)
    want = certify(problem, out.params)
    value, norm, gap = out.certificate
    np.testing.assert_allclose(value, want.value, rtol=1e-14)
    np.testing.assert_allclose(norm, want.gradient_norm, rtol=1e-5)
    true = want.value - newton(inputs, **more).value
    assert true <= gap + 1e-15
    assert want.duality_gap <= gap * 1.0001 + 1e-15
    # |g_j| <= norm r_j, and what is shrunk is at most 2 norm / absolute
    residuals = problem.world.slopes(problem.logits(out.params), problem.labels)
    absolute = problem.weights @ np.abs(residuals)
    share = 2 * problem.intercept / absolute
    cost = problem.weights @ (residuals**2 / problem.world.bends(problem.logits(out.params)))
    squares = np.sum(problem.scales()[:D] ** 2)
    far = (1 + share * np.sqrt(absolute)) ** 2 * squares / (2 * problem.l2) + share**2 * cost
    assert gap <= far * norm**2


@pytest.mark.parametrize("size", [1.0, 1e-40])
def test_first_pass_has_the_derivatives(size):
    problem = as_problem(X * size, Y, weights=W, offset=SHIFTS, l2=0.1 * size**2)
    whole = Blockwise.of(problem)
    params = np.linspace(-1, 1, D + 1) * whole.sizes / np.append(np.full(D, size), 1)
    gradient, scales, hessian = whole.begin(params, 1)
    np.testing.assert_allclose(gradient * whole.sizes, problem.gradient(params / whole.sizes))
    np.testing.assert_allclose(scales * whole.sizes, problem.scales())
    columns = np.column_stack([problem.inputs, np.ones(N)]) / whole.sizes
    bends = problem.weights * problem.world.bends(problem.logits(params / whole.sizes))
    want = (columns.T * bends) @ columns + np.diag(whole.ridge)
    np.testing.assert_allclose(hessian, want, atol=1e-5 * want.max())
    for got, known in zip(whole.curvature(params), (gradient, want), strict=True):
        np.testing.assert_allclose(got, known, atol=1e-5 * np.abs(known).max())


def test_any_address_and_layout():
    room = np.empty(8 * N * D + 128, np.uint8)
    _, want = fit(X)
    views = [np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]]
    for skipped in (8, 33):
        at = -room.ctypes.data % 64 + skipped
        views.append(room[at : at + 8 * N * D].view(float).reshape(N, D))
        views[-1][:] = X
        views[-1].flags.writeable = False
        np.testing.assert_allclose(fit(views[-1])[1].params, want.params, rtol=1e-12)
    for view in views[:2]:
        np.testing.assert_array_equal(fit(view)[1].params, want.params)


def test_starts_where_it_is_told():
    _, cold = fit(X)
    _, warm = fit(X, start=cold.params)
    assert warm.steps <= 2 < cold.steps
    assert warm.status == SolverStatus.CONVERGED


APART = (X[:, 0] > 0.1).astype(float)
QUASI = np.where(RARE[:, -1] == 1, 1, Y)


@pytest.mark.parametrize(
    ("inputs", "labels", "more", "status"),
    [
        (X, APART, {"l2": 0.0}, SolverStatus.SEPARATED),
        (RARE, QUASI, {"l2": 0.0}, SolverStatus.SEPARATED),
        (X, np.ones(N), {}, SolverStatus.SEPARATED),
        (COLLINEAR, Y, {"l2": 0.0}, SolverStatus.SINGULAR),
    ],
    ids=["separated", "quasi-separated", "one class", "singular"],
)
def test_without_one_optimum_it_goes_on_to_newton(inputs, labels, more, status):
    _, out = fit(inputs, labels, **more)
    assert out.status != SolverStatus.CONVERGED
    assert fit_logistic(inputs, labels, **({"l2": 1 / N} | more)).status == status


def test_a_sample_that_leads_astray_is_no_start():
    inputs = X.copy()
    inputs[1234:1236, 0] = 1e10, -1e10  # both of label 1
    _, out = fit(inputs)
    got, want = fit_logistic(inputs, Y, l2=1 / N), newton(inputs)
    assert out.status != SolverStatus.CONVERGED == got.status
    assert abs(got.value - want.value) <= 1e-12 * want.value


def test_gaps_and_few_steps_do_not_pass_as_optima():
    holed = X.copy()
    holed[1234, 3] = np.nan
    assert fit(holed)[1].status != SolverStatus.CONVERGED
    with pytest.raises(ValueError, match="row 1234, column 3"):
        fit_logistic(holed, Y, l2=1 / N)
    _, out = fit(X, max_steps=2)
    assert (out.status, out.steps) == (SolverStatus.MAX_STEPS, 2)


def test_takes_many_examples_of_numpy_alone(monkeypatch):
    monkeypatch.setattr(sketched, "FEWEST", N * D + 1)
    assert not sketched.suits_sketch(as_problem(X, Y))
    monkeypatch.setattr(sketched, "FEWEST", N * D)
    monkeypatch.setattr(sketched, "MANY", N + 1)
    assert not sketched.suits_sketch(as_problem(X, Y))
    monkeypatch.setattr(sketched, "MANY", N)
    assert sketched.suits_sketch(as_problem(X, Y))
    assert not sketched.suits_sketch(as_problem(X, Y, l1=0.1))
    assert not sketched.suits_sketch(as_problem(X[: 3 * D], Y[: 3 * D]))
