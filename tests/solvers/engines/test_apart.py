"""What the engines of products alone say of labels that a hyperplane tells apart in part."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from bcejax.solvers import SolverStatus, fit_logistic

ENGINES = ("lbfgs", "newton_cg", "proximal_newton")
RNG = np.random.default_rng(12)
STEP = np.round(RNG.normal(size=30))
INPUTS = np.column_stack([STEP, RNG.normal(size=30)])
LABELS = np.where(STEP > 0, 1.0, np.where(STEP < 0, 0.0, RNG.random(30) < 0.5))
ORIGIN = np.array([[-3.0], [0.0], [3.0], [-2.0], [1.0], [-1.0]]), np.array([0, 1, 1, 0, 1, 0.0])
WORLDS = {"host": lambda x: x, "jax": jnp.asarray}


def proves(direction, inputs, labels):
    """Whether along it no logit goes astray and some logits go on."""
    gains = (2 * labels - 1) * (inputs @ direction[:-1] + direction[-1])
    return gains.min() > -1e-9 and gains.max() > 0.1


@pytest.mark.parametrize("solver", ENGINES)
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_a_part_that_is_told_apart_is_proved(solver, world):
    with jax.enable_x64(True):
        fit = fit_logistic(world(INPUTS), LABELS, solver=solver)
        assert fit.status == SolverStatus.SEPARATED
        assert proves(np.asarray(fit.direction), INPUTS, LABELS)


@pytest.mark.parametrize("solver", ENGINES)
def test_a_row_of_0_hides_nothing(solver):
    fit = fit_logistic(*ORIGIN, intercept=False, solver=solver)
    assert fit.status == SolverStatus.SEPARATED
    np.testing.assert_array_equal(fit.direction, [1, 0])


@pytest.mark.parametrize("solver", ENGINES[:2])
def test_sparse_inputs_too(solver):
    fit = fit_logistic(scipy.sparse.csr_array(INPUTS), LABELS, solver=solver)
    assert fit.status == SolverStatus.SEPARATED
    assert proves(fit.direction, INPUTS, LABELS)


@pytest.mark.parametrize("solver", ENGINES)
def test_far_logits_that_others_hold_are_no_separation(solver):
    inputs = np.append(RNG.normal(size=60), [40.0, 60.0, -50.0])[:, None]
    labels = np.append(RNG.random(60) < 1 / (1 + np.exp(-inputs[:60, 0])), [1.0, 1.0, 0.0])
    fit = fit_logistic(inputs, labels, solver=solver)
    assert abs(fit.coefficients[0]) * 40 > 20
    assert fit.status == SolverStatus.CONVERGED
    newton = fit_logistic(inputs, labels, solver="newton")
    np.testing.assert_allclose(fit.coefficients, newton.coefficients, rtol=1e-5)


@pytest.mark.parametrize("solver", ENGINES)
def test_no_engine_takes_it_for_an_optimum(solver):
    """Small problems of integers, many of which have no optimum."""
    rng = np.random.default_rng(0)
    ends = []
    for _ in range(150):
        inputs = np.round(rng.normal(size=(10, 2)))
        labels = (inputs @ [1.0, 0.5] + rng.normal(size=10) > 0) * 1.0
        told, exact = (fit_logistic(inputs, labels, solver=each) for each in (solver, "newton"))
        if exact.status == SolverStatus.SEPARATED:
            ends.append(int(told.status))
    assert len(ends) > 50
    assert set(ends) <= {SolverStatus.SEPARATED, SolverStatus.MAX_STEPS}
    assert ends.count(SolverStatus.SEPARATED) > 0.8 * len(ends)


def test_a_start_at_the_optimum_is_the_optimum():
    inputs, labels = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([0.0, 0, 1, 1])
    for solver in ENGINES:
        assert fit_logistic(inputs, labels, solver=solver).status == SolverStatus.CONVERGED
