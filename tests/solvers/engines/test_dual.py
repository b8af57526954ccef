"""The engine for wide inputs by itself, where steps are many, against the full Newton."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.certificates import certify
from bcejax.solvers.engines import dual

N, D = 60, 150


def correlated(share):
    """Columns of which neighbours correlate so, and labels that one of them tells."""
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(N, D))
    for j in range(1, D):
        inputs[:, j] = share * inputs[:, j - 1] + np.sqrt(1 - share**2) * inputs[:, j]
    return inputs, (inputs[:, 70] + rng.normal(size=N) > 0).astype(float)


def twice(inputs, labels):
    """Half of the examples stand twice, some with both labels."""
    return np.vstack([inputs[: N // 2]] * 2), np.append(labels[: N // 2], labels[N // 2 :])


def check(inputs, labels, out, **more):
    want = fit_logistic(inputs, labels, solver="newton", tol=1e-12, **more)
    problem = as_problem(inputs, labels, **more)
    assert out.status == SolverStatus.CONVERGED
    assert certify(problem, out.params).gradient_norm <= 1e-9
    np.testing.assert_allclose(out.params[:D], want.coefficients, atol=1e-6)
    assert abs(problem.value(out.params) - want.value) <= 1e-12


@pytest.mark.parametrize("kind", [np.asarray, csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("share", [0.9, 0.99])
def test_correlated_columns(share, intercept, kind):
    inputs, labels = correlated(share)
    more = {"l2": 1 / N, "intercept": intercept}
    problem = as_problem(kind(inputs), labels, **more)
    out = dual.dual_lbfgs(problem, np.zeros(D + intercept), 1e-9, 400)
    check(inputs, labels, out, **more)


@pytest.mark.parametrize("more", [{}, {"intercept": False}, {"weights": np.arange(1.0, N + 1)}])
@pytest.mark.parametrize("shaped", [lambda *data: data, twice], ids=["once", "twice"])
def test_few_steps_are_left_once_patience_ends(shaped, more, monkeypatch):
    monkeypatch.setattr(dual, "PATIENCE", 10)
    inputs, labels = shaped(*correlated(0.99))
    more = {"l2": 1 / N, **more}
    problem = as_problem(inputs, labels, **more)
    out = dual.dual_lbfgs(problem, np.zeros(D + problem.intercept), 1e-9, 400)
    check(inputs, labels, out, **more)
    assert out.steps <= 40


def test_products_by_passes_are_those_of_the_formed_matrix(monkeypatch):
    inputs, labels = correlated(0.9)
    problem = as_problem(inputs, labels, l2=1 / N)
    formed = dual.dual_lbfgs(problem, np.zeros(D + 1), 1e-9, 400)
    monkeypatch.setattr(dual, "FEW", N - 1)
    passed = dual.dual_lbfgs(problem, np.zeros(D + 1), 1e-9, 400)
    np.testing.assert_allclose(formed.params, passed.params, atol=1e-7)
