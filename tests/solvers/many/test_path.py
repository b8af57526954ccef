"""Each fit of a path is the fit of its penalty, wherever it started."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.many.grids import largest_l1, largest_l2
from bcejax.solvers.many.path import regularisation_path
from bcejax.solvers.status import SolverStatus

N, D = 60, 6


def data(n=N, d=D):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((n, d))
    logits = inputs[:, 0] * 2 - inputs[:, 1]
    return inputs, (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(float)


GIVEN = {
    "lasso": {"l1s": np.int64(7)},
    "ridge": {"l2s": 4},
    "both": {"l1s": 5, "l1_ratio": 0.4},
    "any order": {"l1s": [0.01, 0.2, 0.05, 0.05]},
    "to the end": {"l2s": [0.1, 0.0]},
    "weights": {"l1s": 4, "weights": np.arange(N) % 4.0, "offset": np.linspace(-1, 1, N)},
    "mask": {"l1s": 4, "where": np.arange(N) % 3 > 0, "intercept": False},
}


def test_ridge_takes_sparse_inputs():
    inputs, labels = data()
    sparse, dense = (
        regularisation_path(kind(inputs), labels, l2s=[0.1, 0.01]).solutions
        for kind in (scipy.sparse.csr_array, np.asarray)
    )
    assert (sparse.status == SolverStatus.CONVERGED).all()
    np.testing.assert_allclose(sparse.coefficients, dense.coefficients, atol=1e-7)


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_equals_fits_one_by_one(given):
    path = regularisation_path(*data(), **given)
    rest = {key: given[key] for key in given if key not in ("l1s", "l2s", "l1_ratio")}
    for i, (l2, l1) in enumerate(zip(path.l2s, path.l1s, strict=True)):
        cold = fit_logistic(*data(), l2=l2, l1=l1, **rest)
        here = jax.tree.map(lambda leaf, i=i: leaf[i], path.solutions)
        np.testing.assert_allclose(here.coefficients, cold.coefficients, atol=1e-6)
        np.testing.assert_allclose(here.value, cold.value, rtol=1e-12)
        assert np.array_equal(here.coefficients == 0, cold.coefficients == 0)
        assert here.status == cold.status
        assert path.nonzeros[i] == np.count_nonzero(cold.coefficients)
    assert path.solutions.coefficients.dtype == np.float64


def test_wide_paths():
    inputs, labels = data(40, 120)
    path = regularisation_path(inputs, labels, l1s=10)
    assert not np.any(path.solutions.status)
    assert path.nonzeros[0] == 0
    assert path.nonzeros[-1] > 20
    np.testing.assert_allclose(path.l1s[-1] / path.l1s[0], 1e-2)
    cold = fit_logistic(inputs, labels, l1=path.l1s[-1])
    np.testing.assert_allclose(path.solutions.coefficients[-1], cold.coefficients, atol=1e-6)


def test_warm_starts_save_steps():
    inputs, labels = data(40, 120)
    path = regularisation_path(inputs, labels, l1s=30)
    cold = sum(int(fit_logistic(inputs, labels, l1=l1).steps) for l1 in path.l1s)
    assert path.solutions.steps.sum() < 0.8 * cold


def test_sparse_rows():
    inputs, labels = data()
    inputs *= np.arange(N * D).reshape(N, D) % 3 == 0
    want, got = (
        regularisation_path(each, labels, l1s=4)
        for each in (inputs, scipy.sparse.csr_array(inputs))
    )
    np.testing.assert_allclose(got.l1s, want.l1s, rtol=1e-12)
    np.testing.assert_allclose(got.solutions.value, want.solutions.value, rtol=1e-12)


def test_grids_begin_where_they_say():
    lasso, ridge = (regularisation_path(*data(), **{name: 3}) for name in ("l1s", "l2s"))
    np.testing.assert_allclose(lasso.l1s[0], largest_l1(as_problem(*data())))
    np.testing.assert_allclose(ridge.l2s[0], largest_l2(as_problem(*data())))
    assert not np.any(lasso.l2s)
    assert not np.any(ridge.l1s)


def test_each_has_its_status():
    inputs, labels = data()
    told = (inputs[:, 0] > 0).astype(float)
    path = regularisation_path(inputs, told, l2s=[1.0, 0.0])
    assert [SolverStatus(each).name for each in path.solutions.status] == ["CONVERGED", "SEPARATED"]
    path = regularisation_path(inputs, told, l1s=[0.1, 0.0])
    assert [SolverStatus(each).name for each in path.solutions.status] == ["CONVERGED", "SEPARATED"]
    margins = inputs @ path.solutions.direction[1, :-1] + path.solutions.direction[1, -1]
    assert np.all(margins * (2 * told - 1) > 0)
    few = regularisation_path(inputs, labels, l1s=[1e-3, 10.0], max_steps=1)
    assert [SolverStatus(each).name for each in few.solutions.status] == ["MAX_STEPS", "CONVERGED"]


def test_jax_traces_the_whole_path():
    inputs, labels = (jnp.asarray(each) for each in data())
    l1s = jnp.array([0.01, 0.2, 0.05])
    path = jax.jit(lambda X, y, l1s: regularisation_path(X, y, l1s=l1s))(inputs, labels, l1s)
    want = regularisation_path(*data(), l1s=[0.01, 0.2, 0.05])
    assert not np.any(path.solutions.status)
    tol = 1e-6 if jax.config.jax_enable_x64 else 2e-3
    got = path.solutions.coefficients
    np.testing.assert_allclose(got, want.solutions.coefficients, atol=tol)
    assert np.array_equal(path.nonzeros, want.nonzeros)
    assert got.dtype == inputs.dtype


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give l2s or l1s, and not both"),
        ({"l1s": 3, "l2s": 3}, "give l2s or l1s, and not both"),
        ({"l1s": 0}, "l1s is 0; there must be 1 or more"),
        ({"l2s": []}, r"l2s must be a row of penalties or their number, got \(0,\)"),
        ({"l1s": 0.1}, r"l1s must be a row of penalties or their number, got \(\)"),
        ({"l1s": [0.1, -0.1]}, "l1s must be finite and >= 0, got -0.1"),
        ({"l1s": 3, "l1_ratio": 0.0}, r"l1_ratio must lie in \(0, 1\], got 0.0; for 0 give l2s"),
    ],
)
def test_says_what_it_takes(given, message):
    with pytest.raises(ValueError, match=message):
        regularisation_path(*data(), **given)


def test_a_gap_is_named_by_place_before_a_grid_is_made_of_it():
    inputs, labels = data()
    inputs = inputs.copy()
    inputs[4, 1] = np.nan
    for name in ("l1s", "l2s"):
        with pytest.raises(ValueError, match="inputs hold nan at row 4, column 1"):
            regularisation_path(inputs, labels, **{name: 3})


def test_without_columns_there_is_a_grid():
    path = regularisation_path(np.zeros((9, 0)), np.arange(9) % 2, l1s=3)
    assert path.solutions.coefficients.shape == (3, 0)
