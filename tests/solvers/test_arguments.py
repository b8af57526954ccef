"""What comes through the door, in which world, and where a fit starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO
from scipy import sparse

from bcejax.numerics import is_traced
from bcejax.solvers import (
    bootstrap_logistic,
    covariance,
    cross_validate,
    fit_logistic,
    regularisation_path,
    weighted_fits,
)
from bcejax.solvers.arguments import as_problem, as_start
from bcejax.solvers.worlds import JAX, NUMPY

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)) * (RNG.random((40, 5)) < 0.6)
Y = (RNG.random(40) < 0.4) * 1.0


class Frame:
    """What a data frame is to NumPy."""

    def __array__(self, dtype=None, copy=None):
        return X.astype(np.float32)


def test_numpy_and_what_it_takes_become_float64():
    for inputs in (X.astype(np.float32), X.astype(np.float32).tolist(), Frame()):
        problem = as_problem(inputs, Y.astype(bool), weights=np.ones(40, int), l2=jnp.float32(0.5))
        assert problem.world is NUMPY
        assert {leaf.dtype for leaf in jax.tree.leaves(problem)} == {np.dtype(float)}
        np.testing.assert_array_equal(problem.inputs, X.astype(np.float32))
    assert as_problem(X, Y).inputs is X
    assert as_problem(X, Y, weights=np.arange(40)).inputs is X


class Mixed:
    """What a data frame with truth values beside numbers is to NumPy; or with text."""

    def __init__(self, last):
        self.last = last

    def to_numpy(self):
        return np.column_stack([X.astype(object), np.full(40, self.last, object)])


def test_truth_values_beside_numbers_are_numbers():
    for labels in (Y, jnp.asarray(Y)):
        problem = as_problem(Mixed(True), labels.astype(bool))
        np.testing.assert_allclose(problem.inputs[:, 5], 1)
        np.testing.assert_allclose(problem.inputs[:, :5], X, rtol=1e-6)
    with pytest.raises(TypeError, match="inputs must be real numbers, got <U"):
        as_problem(Mixed("1"), Y)


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_jax_keeps_its_dtype_from_float32_on(dtype):
    problem = as_problem(jnp.asarray(X, dtype), Y, offset=np.zeros(40), l2=0.5)
    assert problem.world is JAX
    assert {leaf.dtype for leaf in jax.tree.leaves(problem)} == {np.dtype("float32")}


def test_a_traced_penalty_makes_all_of_it_jax():
    seen = []

    def look(l2):
        problem = as_problem(X, Y, l2=l2)
        seen.append((problem.world, is_traced(problem)))
        return problem.l2

    jax.eval_shape(look, jnp.float32(0.1))
    assert seen == [(JAX, True)]


def test_the_start_is_where_f_is_lowest():
    level = np.log(Y.mean() / (1 - Y.mean()))
    problem = as_problem(X, Y)
    np.testing.assert_allclose(as_start(problem, None), [0] * 5 + [level], rtol=1e-12)
    np.testing.assert_allclose(as_start(problem, (np.full(5, 1e5), 0.0))[-1], level, rtol=1e-12)
    best = fit_logistic(X, Y)
    np.testing.assert_array_equal(as_start(problem, best)[:5], best.coefficients)
    far = as_problem(X, Y, offset=np.full(40, 1e3))
    np.testing.assert_allclose(as_start(far, None)[-1], level - 1e3)
    one = as_problem(X, Y, offset=np.where(np.arange(40) < 1, 1e300, 0))
    np.testing.assert_allclose(as_start(one, None)[-1], level, rtol=1e-12)


def test_sparse_inputs_give_what_dense_ones_give():
    want = fit_logistic(X, Y, l2=0.01)
    for inputs in (sparse.csr_matrix(X), sparse.coo_array(X)):
        fit = fit_logistic(inputs, Y, l2=0.01)
        assert fit.status == want.status
        np.testing.assert_allclose(fit.coefficients, want.coefficients, rtol=1e-6)
        np.testing.assert_allclose(fit.value, want.value, rtol=1e-14)
    with jax.enable_x64(True):
        blocks = BCOO.fromdense(jnp.asarray(X))
        problem = as_problem(blocks, Y, l2=0.01)
        assert problem.world is JAX
        dense = as_problem(X, Y, l2=0.01)
        params = RNG.normal(size=6)
        for name in ("value", "gradient", "moved"):
            got = getattr(problem, name)(jnp.asarray(params))
            np.testing.assert_allclose(got, getattr(dense, name)(params), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(problem.scales(), dense.scales(), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_logistic(sparse.eye(3), jnp.ones(3)), TypeError, "JAX's with BCOO"),
        (
            lambda: fit_logistic(sparse.csr_matrix(X), Y, solver="newton"),
            ValueError,
            "solver 'newton' takes dense inputs, got csr_matrix",
        ),
        (
            lambda: fit_logistic(sparse.csr_matrix(X * np.nan), Y),
            ValueError,
            "inputs, which are sparse, hold values that are not finite",
        ),
    ],
)
def test_sparse_inputs_that_do_not_fit_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


OUTSIDE = (np.ones(40), np.ones((2, 40)), np.array([0.1, 0.2]))
DOORS = {
    "fit_logistic": lambda x, y, w, ws, l2s: fit_logistic(x, y, weights=w, l2=0.1).value,
    "weighted_fits": lambda x, y, w, ws, l2s: weighted_fits(x, y, ws, l2=l2s).value,
    "path": lambda x, y, w, ws, l2s: regularisation_path(x, y, l2s=l2s, weights=w).solutions.value,
    "cross_validate": lambda x, y, w, ws, l2s: (
        cross_validate(x, y, grid=l2s, folds=np.arange(40) % 2, weights=w).mean
    ),
    "bootstrap": lambda x, y, w, ws, l2s: (
        bootstrap_logistic(x, y, key=jax.random.key(0), n_resamples=3, weights=w).coefficients
    ),
    "covariance": lambda x, y, w, ws, l2s: covariance(
        fit_logistic(x, y, weights=w), x, y, weights=w
    ),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_under_jit_other_arguments_may_be_arrays_from_outside(door):
    """No tracers, but what is asked of them there would be; the answer is that of NumPy's world."""
    x, y, *outside = (jnp.asarray(each, jnp.float32) for each in (X, Y, *OUTSIDE))
    found = jax.jit(lambda x, y: door(x, y, *outside))(x, y)
    np.testing.assert_allclose(found, door(X, Y, *OUTSIDE), rtol=2e-3)
