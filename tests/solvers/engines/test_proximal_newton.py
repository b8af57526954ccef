"""The elastic net in JAX: the optimum that the host finds, traced, in a batch and in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers.engines import proximal_newton as module
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.status import SolverStatus

N, D = 60, 6


def data(seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((N, D))
    logits = inputs[:, 0] * 2 - inputs[:, 1]
    return inputs, (rng.random(N) < 1 / (1 + np.exp(-logits))).astype(float)


@jax.jit
def traced(inputs, labels, weights, l1, l2):
    return fit_logistic(inputs, labels, weights=weights, l1=l1, l2=l2)


def both(inputs, labels, l1, l2=0.0, weights=None):
    """The solutions of JAX and of the host, and the tolerance between them."""
    weights = np.ones(N) if weights is None else weights
    wide = jax.config.jax_enable_x64
    host = fit_logistic(inputs, labels, weights=weights, l1=l1, l2=l2)
    arrays = (jnp.asarray(each, float) for each in (inputs, labels, weights, l1, l2))
    return traced(*arrays), host, 1e-6 if wide else 2e-3


def assert_same(got, want, tol):
    assert int(got.status) == int(want.status)
    b = np.asarray(got.coefficients)
    np.testing.assert_allclose(b, want.coefficients, atol=tol * (1 + np.abs(b).max()))
    np.testing.assert_allclose(got.intercept, want.intercept, atol=tol)
    np.testing.assert_allclose(got.value, want.value, rtol=tol)
    assert np.array_equal(b == 0, want.coefficients == 0)


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("l1", [1e3, 0.1, 0.02, 0.001])
def test_equals_the_host(l1, l2):
    weights = np.arange(N) % 4.0
    assert_same(*both(*data(1), l1, l2, weights))


def test_equal_columns_share():
    inputs, labels = data()
    inputs[:, 2] = inputs[:, 0]
    got, want, tol = both(inputs, labels, 0.02)
    assert SolverStatus(int(got.status)).name == "SINGULAR"
    assert_same(got, want, tol)
    np.testing.assert_allclose(got.coefficients[0], got.coefficients[2], rtol=tol)
    np.testing.assert_allclose(np.abs(got.direction[jnp.array([0, 2])]), 1, rtol=tol)


def test_a_larger_copy_wins():
    inputs, labels = data()
    inputs[:, 2] = 2 * inputs[:, 0]
    assert_same(*both(inputs, labels, 0.02))


def test_units_of_columns():
    inputs, labels = data()
    units = 10.0 ** np.array([-4, -2, 0, 2, 4, 1])
    got, want, tol = both(inputs * units, labels, 1e-6)
    np.testing.assert_allclose(got.coefficients * units, want.coefficients * units, atol=3 * tol)
    assert int(got.status) == SolverStatus.CONVERGED


def test_means_of_columns():
    inputs, labels = data()
    got, want, tol = both(inputs + 100 * np.eye(D)[0], labels, 0.02)
    assert int(got.status) == SolverStatus.CONVERGED
    np.testing.assert_allclose(got.coefficients, want.coefficients, atol=tol)
    np.testing.assert_allclose(got.intercept, want.intercept, atol=100 * tol)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class(label):
    got, _, _ = both(data()[0], np.full(N, label), 0.02)
    assert SolverStatus(int(got.status)).name == "SEPARATED"
    assert got.direction[-1] == 2 * label - 1


def test_labels_told_apart_without_a_penalty():
    inputs, _ = data()
    labels = (inputs[:, 0] > 0).astype(float)
    got, _, _ = both(inputs, labels, 0.0)
    assert SolverStatus(int(got.status)).name == "SEPARATED"
    margins = inputs @ got.direction[:-1] + got.direction[-1]
    assert np.all(margins * (2 * labels - 1) > 0)


def test_traced_nan_is_flagged():
    inputs, labels = data()
    arrays = (jnp.asarray(each, float) for each in (inputs, labels, np.ones(N), np.nan, 0.0))
    fit = traced(*arrays)
    assert SolverStatus(int(fit.status)).name == "DIVERGED"
    assert np.all(np.isnan(fit.coefficients))


def test_a_batch_of_penalties_and_weights(monkeypatch):
    """And few params at a time."""
    monkeypatch.setattr(module, "SIZE", 5)
    inputs, labels = (jnp.asarray(each) for each in data(2))
    l1s = jnp.array([0.05, 0.02, 0.005])
    weights = jnp.asarray(np.random.default_rng(3).integers(0, 3, (3, N)), inputs.dtype)

    def fit(l1, w):
        return fit_logistic(inputs, labels, weights=w, l1=l1, solver="proximal_newton")

    got = jax.jit(jax.vmap(fit))(l1s, weights)
    assert not np.any(got.status)
    for i in range(3):
        w = np.asarray(weights[i])
        want = fit_logistic(*data(2), weights=w, l1=float(l1s[i]))
        tol = 1e-6 if jax.config.jax_enable_x64 else 2e-3
        np.testing.assert_allclose(got.coefficients[i], want.coefficients, atol=tol)
