"""Directions are proved, not guessed: what does not tell labels apart is never given."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.arguments import as_problem
from bcejax.solvers.engines.separation import Sides, examine
from bcejax.solvers.engines.standardised import standardised

N, D = 9, 3


def found(inputs, labels, inner, step):
    problem = as_problem(inputs, labels)
    return examine(problem, Sides.of(problem), standardised(problem), inner, step)


@settings(max_examples=200, deadline=None)
@given(
    arrays(float, (N, D), elements=st.integers(-3, 3).map(float)),
    arrays(float, N, elements=st.sampled_from([0.0, 0.5, 1.0])),
    arrays(float, D + 1, elements=st.floats(-2, 2)),
)
def test_a_direction_is_given_only_where_it_holds(inputs, labels, step):
    findings = found(inputs, labels, step / 3, step)
    margins = (2 * labels - 1) * (inputs @ findings.falling[:-1] + findings.falling[-1])
    if findings.falls:
        assert margins.min() >= -1e-12
        assert margins.max() > 1e-12
        assert np.all(abs((inputs @ findings.falling[:-1])[labels == 0.5]) >= 0)
    if findings.is_level:
        moved = inputs @ findings.level[:-1] + findings.level[-1]
        np.testing.assert_allclose(moved, 0, atol=1e-12)
        assert abs(findings.level).max() == 1


@settings(max_examples=60, deadline=None)
@example(np.eye(N, D) * [1e-217, -2, 0], np.ones(D + 1))
@given(
    arrays(float, (N, D), elements=st.floats(-1e3, 1e3, allow_subnormal=False)),
    arrays(float, D + 1, elements=st.floats(-1, 1, allow_subnormal=False)),
)
def test_what_a_hyperplane_labels_is_separated_or_one_class(inputs, plane):
    heights = inputs @ plane[:-1] + plane[-1]
    if np.min(np.abs(heights)) < 1e-3:
        return
    fit = fit_logistic(inputs, heights > 0)
    assert fit.status == SolverStatus.SEPARATED
    margins = np.sign(heights) * (inputs @ fit.direction[:-1] + fit.direction[-1])
    assert margins.min() >= -1e-9


def test_one_example_on_the_wrong_side_by_a_hair_is_no_tie():
    x = np.array([-2.0, -1.0, -1e-9, 1e-9, 1.0, 2.0])
    fit = fit_logistic(x[:, None], [0, 0, 1, 0, 1, 1])
    assert fit.status in (SolverStatus.MAX_STEPS, SolverStatus.CONVERGED)
    tie = fit_logistic(np.sign(x)[:, None], [0, 0, 0, 1, 1, 1])
    assert tie.status == SolverStatus.SEPARATED
    both = fit_logistic(np.array([0.0, 0.0, 1.0])[:, None], [0, 1, 1])
    assert both.status == SolverStatus.SEPARATED
    np.testing.assert_array_equal(both.direction, [1.0, 0.0])


def test_weights_decide_which_examples_have_a_say():
    x = np.arange(6.0)[:, None]
    labels = [0, 0, 1, 0, 1, 1]
    assert fit_logistic(x, labels).status == SolverStatus.CONVERGED
    absent = np.array([1, 1, 0, 1, 1, 1])
    assert fit_logistic(x, labels, weights=absent).status == SolverStatus.SEPARATED
    assert fit_logistic(x, labels, where=absent > 0).status == SolverStatus.SEPARATED
