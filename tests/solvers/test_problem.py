"""The objective is the formula that its file opens with."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bcejax.solvers import fit_logistic
from bcejax.solvers.arguments import as_problem

N, D = 30, 3
RNG = np.random.default_rng(8)
X, Y, W, OFFSET = RNG.normal(size=(N, D)), RNG.random(N), RNG.random(N), RNG.normal(size=N)


@pytest.mark.parametrize("intercept", [True, False])
def test_value_and_gradient_are_those_of_the_formula(intercept):
    problem = as_problem(X, Y, weights=W, offset=OFFSET, l2=0.3, intercept=intercept)
    params = RNG.normal(size=D + intercept)

    def value(params):
        x = X @ params[:D] + OFFSET + (params[D] if intercept else 0)
        losses = np.logaddexp(0, x) - Y * x
        return np.sum(W * losses) / np.sum(W) + 0.15 * np.sum(params[:D] ** 2)

    np.testing.assert_allclose(problem.value(params), value(params), rtol=1e-14)
    np.testing.assert_allclose(problem.total, W.sum(), rtol=1e-14)
    steps = 1e-5 * np.eye(len(params))
    slopes = [(value(params + e) - value(params - e)) / 2e-5 for e in steps]
    np.testing.assert_allclose(problem.gradient(params), slopes, rtol=1e-8)


def test_gathered_is_the_transpose_of_moved():
    problem = as_problem(X, Y)
    params, terms = RNG.normal(size=D + 1), RNG.normal(size=N)
    np.testing.assert_allclose(
        terms @ problem.moved(params), problem.gathered(terms) @ params, rtol=1e-13
    )


def test_scales_neither_over_nor_underflow():
    problem = as_problem(np.array([[3e200, 3e-200, 0.0], [4e200, 4e-200, 0.0]]), [0, 1])
    want = [np.sqrt(12.5) * 1e200, np.sqrt(12.5) * 1e-200, 1, 1]
    with np.errstate(over="ignore", under="ignore"):  # which the door does
        np.testing.assert_allclose(problem.scales(), want, rtol=1e-14)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_c_and_ratio_of_scikit_learn_are_translated_so(share):
    labels, c = (Y > 0.5) * 1, 3.0
    peer = LogisticRegression(
        C=c, l1_ratio=share, solver="saga", tol=1e-12, max_iter=100_000, random_state=0
    )
    peer.fit(X, labels, sample_weight=W)
    total = c * W.sum()
    fit = fit_logistic(X, labels, weights=W, l2=(1 - share) / total, l1=share / total)
    np.testing.assert_allclose(fit.coefficients, peer.coef_[0], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(fit.intercept, peer.intercept_[0], rtol=1e-5)
