"""What is done to inputs besides products, dense and sparse, against the dense arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO
from scipy.sparse import csc_array, csr_array, csr_matrix

from bcejax.solvers.matrices import (
    centred,
    column_scales,
    constant_columns,
    is_csr,
    is_sparse,
    mapped,
)

RNG = np.random.default_rng(2)
X = np.where(RNG.random((70, 5)) < 0.4, RNG.normal(size=(70, 5)), 0)
X[:, 3] = 0
W = RNG.random(70) / 35
KINDS = {"numpy": np.asarray, "csr": csr_array, "jax": jnp.asarray}
KINDS["bcoo"] = lambda x: BCOO.fromdense(jnp.asarray(x))


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def dense(inputs):
    return np.asarray(inputs.todense() if is_sparse(inputs) else inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_are_constant_where_there_is_weight(kind):
    """The second differs by rounding, the third by a row, the fourth by little."""
    some = np.ones((70, 5)) * [7, -0.1, 3, 1, 1]
    some[4, 1] *= 1 + 4e-16
    some[5, 2] = 0
    some[6, 3] += 1e-14
    some[0] = 9
    weights = W * (np.arange(70) > 0)
    weights = jnp.asarray(weights) if kind in ("jax", "bcoo") else weights
    likely = weights[1:6] * np.array([1, 1, 1, 1, 0]) > 0
    got = constant_columns(KINDS[kind](some), weights, likely)
    np.testing.assert_array_equal(got, [1, 1, 0, 0, 0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [1.0, 1e200, 1e-200])
def test_column_scales_neither_over_nor_underflow(kind, factor):
    weights = jnp.asarray(W) if kind in ("jax", "bcoo") else W
    got = column_scales(KINDS[kind](X * factor), weights)
    np.testing.assert_allclose(got / factor, np.sqrt(W @ X**2), rtol=1e-14)


def test_column_scales_of_many_rows_are_those_of_all_blocks(monkeypatch):
    monkeypatch.setattr("bcejax.solvers.matrices.CACHED", 64)
    np.testing.assert_allclose(column_scales(X, W), np.sqrt(W @ X**2), rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_entries_and_their_columns(kind):
    inputs = KINDS[kind](X)
    got = mapped(inputs, lambda x, j: x * (j + 1))
    np.testing.assert_array_equal(dense(got), X * np.arange(1, 6))
    np.testing.assert_array_equal(dense(inputs), X)


def test_sparse_is_what_knows_products_with_vectors():
    assert is_csr(csr_array(X))
    assert is_csr(csr_matrix(X))
    assert not is_csr(csc_array(X))
    assert not is_sparse(X)
    assert not is_sparse(jnp.asarray(X))


@pytest.mark.parametrize("kind", ["numpy", "jax"])
def test_constant_columns_are_centred_to_0(kind):
    n = 4000
    weights = np.append(0, np.full(n - 1, 1 / (n - 1)))
    inputs = np.column_stack([RNG.normal(size=n) + 1e6, np.ones(n), np.full(n, 0.1)])
    inputs[0] = 9
    columns, means = centred(KINDS[kind](inputs), KINDS[kind](weights))
    np.testing.assert_array_equal(columns[0], 0)
    np.testing.assert_array_equal(columns[:, 1:], 0)
    assert abs(np.mean(columns[1:, 0])) < 1e-12
    np.testing.assert_allclose(means, [np.mean(inputs[1:, 0]), 1, 0.1], rtol=1e-15)
