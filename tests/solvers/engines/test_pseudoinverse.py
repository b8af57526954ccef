"""The generalised inverse against NumPy's, and what a Gram matrix does not see."""

import jax
import numpy as np
import pytest

from bcejax.solvers.engines.pseudoinverse import pseudo_invert

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(9, 4)) * [1, 1e-6, 1e5, 1]
DEPENDENT = ROWS.copy()
DEPENDENT[:, 2] = 1e5 * (ROWS[:, 0] + 1e6 * ROWS[:, 1])


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def test_of_independent_columns_it_is_the_inverse():
    split = pseudo_invert(ROWS.T @ ROWS)
    unit = ROWS / (scale := np.linalg.norm(ROWS, axis=0))
    wanted = np.linalg.inv(unit.T @ unit) / scale / scale[:, None]
    np.testing.assert_allclose(split.inverse, wanted, rtol=1e-11)
    assert split.rank == 4
    assert split.sees(np.eye(4)).all()


def test_of_dependent_columns_it_inverts_what_is_seen():
    gram = DEPENDENT.T @ DEPENDENT
    split = pseudo_invert(gram)
    assert split.rank == 3
    np.testing.assert_array_equal(split.sees(np.eye(4)), [False, False, False, True])
    again = gram @ split.inverse @ gram
    np.testing.assert_allclose(again, gram, rtol=1e-10)


def test_a_column_of_0_is_unknown_and_the_rest_is_not():
    matrix = np.diag([2.0, 0.0, 3.0])
    split = pseudo_invert(matrix)
    np.testing.assert_array_equal(split.sees(np.eye(3)), [True, False, True])
    np.testing.assert_allclose(split.inverse, np.diag([1 / 2, 0, 1 / 3]))


def test_nan_stays_nan():
    assert np.isnan(pseudo_invert(np.full((2, 2), np.nan)).inverse).all()
