"""Columns of one size: the same F, in other coordinates, whatever the units."""

import numpy as np
import pytest

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.certificates import certify
from bcejax.solvers.engines.dense_newton import _evaluate
from bcejax.solvers.engines.standardised import standardised

N, D = 5000, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) * [1e-3, 1, 1e6, 1] + [0, 30, -1e7, 0]
X[:, 3] = 7.3
Y, W, OFFSET = RNG.random(N), RNG.random(N), RNG.normal(size=N)
PARAMS = np.array([50.0, 0.3, 1e-6, -0.1, 0.4])


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_value_and_gradient_are_those_of_the_problem(intercept, l2):
    problem = as_problem(X, Y, weights=W, offset=OFFSET, l2=l2, intercept=intercept)
    work = standardised(problem)
    params = PARAMS[: D + intercept]
    inner = work.inward(params)
    np.testing.assert_allclose(work.outward(inner), params, rtol=1e-9)
    # a constant column becomes 0 beside an intercept, so F loses what it adds to the logits
    params = params * np.array([1, 1, 1, not intercept, 1])[: len(params)]
    point, (value, norm, _) = _evaluate(work, work.inward(params)), certify(problem, params)
    np.testing.assert_allclose(point.value, value, rtol=1e-12)
    np.testing.assert_allclose(point.norm, norm, rtol=1e-9)


def test_rows_have_mean_0_and_mean_square_1_beside_an_intercept():
    work = standardised(as_problem(X, Y, weights=W))
    rows = work.rows.reshape(-1, D + 1)
    shares = work.weights.ravel()
    assert work.rows.shape[0] > 1
    np.testing.assert_allclose(shares @ rows, [0, 0, 0, 0, 1], atol=1e-13)
    np.testing.assert_allclose(shares @ rows**2, [1, 1, 1, 0, 1], rtol=1e-12)
    assert not rows[:, 3].any()


def test_a_ridge_is_at_most_1_whatever_the_units():
    for units in (1e-150, 1.0, 1e150):
        work = standardised(as_problem(X * units, Y, l2=1e3))
        assert np.all((work.ridge[:-1] > 0) | (units > 1))
        assert work.ridge.max() <= 1
        assert work.ridge[-1] == 0


def test_what_lies_under_weight_0_does_not_count():
    absent = np.arange(N) < 100
    wild = X.copy()
    wild[absent] = np.nan
    weights = np.where(absent, 0, W)
    got = standardised(as_problem(wild, Y, weights=weights))
    want = standardised(as_problem(X[~absent], Y[~absent], weights=W[~absent]))
    np.testing.assert_allclose(got.means, want.means, rtol=1e-12)
    np.testing.assert_allclose(got.sizes, want.sizes, rtol=1e-12)
