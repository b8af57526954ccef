"""The factor of a hessian, in any units, and of one that is only semidefinite."""

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.solvers.engines.factor import scaled_factor

RNG = np.random.default_rng(0)
EPS = np.finfo(float).eps


def test_a_scaled_factor_solves_whatever_the_units():
    half = RNG.normal(size=(5, 5))
    units = 10.0 ** np.array([-60, -3, 0, 4, 60])
    hessian, right = (half @ half.T) * units * units[:, None], units * RNG.normal(size=5)
    factor = scaled_factor(hessian)
    got = factor.solve(right)
    want = np.linalg.solve(half @ half.T, right / units) / units
    np.testing.assert_allclose(got, want, rtol=1e-9)
    assert 1e-6 < factor.least <= 1
    with jax.enable_x64(True):
        both = scaled_factor(jnp.asarray(hessian))
        np.testing.assert_allclose(both.lower, factor.lower, rtol=1e-9, atol=1e-14)


def test_a_semidefinite_matrix_has_a_factor_that_shows_it():
    column = RNG.normal(size=5)
    factor = scaled_factor(np.outer(column, column))
    assert np.isfinite(factor.lower).all()
    assert factor.least < 1e-13
    assert scaled_factor(np.diag([1.0, 0.0])).least == 0


def test_what_many_columns_have_in_common_does_not_hide_in_a_pivot():
    null = np.append(np.ones(30), 0.03)  # the last pivot is lifted by 30 / 0.03 ** 2
    null = null / np.linalg.norm(null)
    hessian = np.eye(31) - np.outer(null, null)
    scale = np.diagonal(hessian) ** -0.5
    want = np.linalg.eigvalsh(hessian * scale * scale[:, None] + 8 * 31 * EPS * np.eye(31))[0]
    assert want <= scaled_factor(hessian).least <= 2 * want
