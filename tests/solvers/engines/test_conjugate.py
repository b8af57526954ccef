"""Conjugate gradients against a factor of the hessian."""

import numpy as np

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.columns import Columns
from bcejax.solvers.engines.conjugate import conjugate

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(30, 4)) * [1, 10, 0.1, 1] + 3, RNG.random(30)


def test_the_solution_is_that_of_the_whole_hessian():
    columns, bends = Columns.of(as_problem(X, Y, l2=0.1)), RNG.random(30)
    unit = [columns.moved(each) for each in np.eye(5)]
    hessian = np.array(unit) @ (bends[:, None] * np.transpose(unit)) + np.diag(columns.ridge)
    right = RNG.normal(size=5)
    solved = conjugate(columns, bends, right, 1e-28)
    np.testing.assert_allclose(solved, np.linalg.solve(hessian, right), rtol=1e-8)


def test_where_the_hessian_is_0_the_gradient_is_the_way():
    columns, right = Columns.of(as_problem(X, Y)), np.arange(5.0)
    np.testing.assert_array_equal(conjugate(columns, np.zeros(30), right, 1e-9), right)
