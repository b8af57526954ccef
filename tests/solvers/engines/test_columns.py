"""Columns of one size: the same F, and curvatures near 1 whatever the units."""

import numpy as np
import pytest

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.columns import Columns

RNG = np.random.default_rng(4)
X = RNG.normal(size=(80, 4)) * [1.0, 1e6, 1e-9, 1.0] + [0.0, 0.0, 0.0, 50.0]
Y = (RNG.random(80) < 0.4).astype(float)
PARAMS = np.array([0.3, 2e-7, 4e8, -0.01, 0.5])


@pytest.fixture(params=[True, False], ids=["intercept", "no intercept"])
def problem(request):
    return as_problem(X, Y, l2=1e-3, intercept=request.param)


def test_is_the_same_function(problem):
    columns, params = Columns.of(problem), PARAMS[: 4 + problem.intercept]
    inner = columns.inward(params)
    np.testing.assert_allclose(columns.outward(inner), params, rtol=1e-12)
    np.testing.assert_allclose(columns.logits(inner), problem.logits(params), rtol=1e-9)
    step = RNG.normal(size=len(inner))
    along = columns.along(inner, columns.logits(inner), step, columns.moved(step))
    for t in (0.0, 0.7):
        value, slope, bend = along(t)
        want = problem.value(columns.outward(inner + t * step))
        np.testing.assert_allclose(value, want, rtol=1e-12)
        gradient = columns.gradient(inner + t * step, columns.logits(inner + t * step))
        np.testing.assert_allclose(slope, gradient @ step, rtol=1e-9)
        ahead, behind = along(t + 1e-5)[1], along(t - 1e-5)[1]
        np.testing.assert_allclose(bend, (ahead - behind) / 2e-5, rtol=1e-3)


def test_gradient_norm_is_that_of_the_problem(problem):
    columns, params = Columns.of(problem), PARAMS[: 4 + problem.intercept]
    inner = columns.inward(params)
    got = columns.norm(columns.gradient(inner, columns.logits(inner)))
    want = np.max(np.abs(problem.gradient(params)) / problem.scales())
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_curvatures_are_near_one(problem):
    columns = Columns.of(problem)
    bends = problem.weights / 4
    for unit in np.eye(4 + problem.intercept):
        curvature = bends @ columns.moved(unit) ** 2 + columns.ridge @ unit**2
        assert 0.2 <= curvature <= 1.5


def test_narrow_columns_move_logits_alike(problem):
    columns = Columns.of(problem)
    narrow, inner = columns.narrowed(), RNG.normal(size=4 + problem.intercept)
    got = narrow.moved(inner.astype(np.float32))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, columns.moved(inner), atol=1e-4)
