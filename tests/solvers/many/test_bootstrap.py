"""Bootstrap refits against single fits under the same counts; influences against refits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bcejax.data.resampling import resample_counts, resampling
from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.many.bootstrap import bootstrap_logistic

N, D, M = 60, 3, 200
RNG = np.random.default_rng(2)
X = RNG.normal(size=(N, D))
Y = (RNG.random(N) < 1 / (1 + np.exp(-1.5 * X[:, 0]))).astype(float)
KEY = jax.random.key(1)
L2 = 0.02


@pytest.fixture(scope="module")
def boot():
    return bootstrap_logistic(X, Y, key=KEY, n_resamples=M, l2=L2)


def counts_of(present):
    return np.asarray(resample_counts(resampling(KEY, present), 0, M), float)


def test_the_fit_is_fit_logistic(boot):
    want = fit_logistic(X, Y, l2=L2)
    np.testing.assert_allclose(boot.fit.coefficients, want.coefficients, rtol=1e-9)


def test_replicates_are_fits_under_counts(boot):
    assert (boot.status == SolverStatus.CONVERGED).all()
    assert boot.replicates.coefficients.dtype == np.float64
    every = counts_of(np.ones(N, bool))
    for j in range(0, M, 13):
        want = fit_logistic(X, Y, weights=every[j], l2=L2)
        np.testing.assert_allclose(boot.coefficients[j], want.coefficients, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(boot.intercept[j], want.intercept, rtol=1e-7, atol=1e-8)


def test_the_key_chooses(boot):
    again = bootstrap_logistic(X, Y, key=KEY, n_resamples=M, l2=L2)
    other = bootstrap_logistic(X, Y, key=jax.random.key(2), n_resamples=M, l2=L2)
    assert np.array_equal(again.coefficients, boot.coefficients)
    assert not np.isclose(other.coefficients, boot.coefficients).any()


def test_weights_times_counts_and_absent_examples():
    weights, where = RNG.random(N) + 0.1, np.arange(N) % 5 > 0
    inputs = np.where(where[:, None], X, np.nan)
    boot = bootstrap_logistic(
        inputs, Y, key=KEY, n_resamples=M, weights=weights, where=where, l2=L2
    )
    assert (boot.influences[:, ~where] == 0).all()
    every = counts_of(where)
    for j in range(0, M, 13):
        want = fit_logistic(X, Y, weights=weights * every[j], l2=L2)
        np.testing.assert_allclose(boot.coefficients[j], want.coefficients, rtol=1e-7, atol=1e-8)


def test_influences_are_derivatives_in_counts(boot):
    assert boot.influences.shape == (D + 1, N)
    step = 1e-4
    for i in (0, 7, 31):
        bump = step * (np.arange(N) == i)
        up, down = (fit_logistic(X, Y, weights=1 + s * bump, l2=L2) for s in (1, -1))
        change = np.append(up.coefficients, up.intercept) - np.append(
            down.coefficients, down.intercept
        )
        np.testing.assert_allclose(boot.influences[:, i], change / (2 * step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(boot.influences.sum(axis=1), 0, atol=1e-9)


def test_without_an_intercept_nothing_moves_it():
    boot = bootstrap_logistic(X, Y, key=KEY, n_resamples=3, l2=L2, intercept=False)
    step = 1e-4 * (np.arange(N) == 7)
    fits = (fit_logistic(X, Y, weights=1 + s * step, l2=L2, intercept=False) for s in (1, -1))
    up, down = (fit.coefficients for fit in fits)
    np.testing.assert_allclose(boot.influences[:D, 7], (up - down) / 2e-4, rtol=1e-5, atol=1e-7)
    assert not boot.influences[D].any()


def test_influences_have_the_spread_of_the_replicates(boot):
    spread = np.sqrt((boot.influences[:D] ** 2).sum(axis=1))
    np.testing.assert_allclose(boot.coefficients.std(axis=0), spread, rtol=0.25)


def test_separated_data_are_flagged_in_every_resample():
    boot = bootstrap_logistic(X, (X[:, 1] > 0).astype(int), key=KEY, n_resamples=M)
    assert boot.fit.status == SolverStatus.SEPARATED
    assert (boot.status == SolverStatus.SEPARATED).all()
    assert (np.abs(boot.replicates.direction).max(axis=1) > 0).all()


def test_sparse_inputs(boot):
    few = bootstrap_logistic(csr_matrix(X), Y, key=KEY, n_resamples=3, l2=L2)
    np.testing.assert_allclose(few.coefficients, boot.coefficients[:3], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(few.influences, boot.influences, rtol=1e-6, atol=1e-9)


def test_it_can_be_traced():
    x, y = (jax.ShapeDtypeStruct(each.shape, jnp.float32) for each in (X, Y))
    found = jax.eval_shape(
        lambda x, y, key: bootstrap_logistic(x, y, key=key, n_resamples=M, l2=L2), x, y, KEY
    )
    assert found.coefficients.shape == (M, D)
    assert found.influences.shape == (D + 1, N)
    assert found.replicates.value.dtype == jnp.float32


@pytest.mark.parametrize("count", [0, -3])
def test_there_must_be_resamples(count):
    with pytest.raises(ValueError, match=f"n_resamples is {count}; there must be 1 or more"):
        bootstrap_logistic(X, Y, key=KEY, n_resamples=count)
