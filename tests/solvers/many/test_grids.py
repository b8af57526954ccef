"""The largest penalties do what they say, and a hair less does not."""

import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.solvers.arguments import as_problem
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.many.grids import falling, largest_l1, largest_l2

N, D = 50, 4


def data():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((N, D)) + 1
    return inputs, (rng.random(N) < 0.3).astype(float)


GIVEN = {
    "plain": {},
    "weights": {"weights": np.arange(N) % 3.0},
    "mask": {"where": np.arange(N) % 2 == 0},
    "offset": {"offset": np.linspace(-3, 2, N)},
    "through 0": {"intercept": False},
    "all": {"offset": np.linspace(-3, 2, N), "weights": np.arange(N) % 3.0, "intercept": False},
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_at_the_largest_l1_all_is_just_0(given):
    largest = largest_l1(as_problem(*data(), **given))
    at, below = (fit_logistic(*data(), l1=largest * f, **given) for f in (1 + 1e-8, 1 - 1e-6))
    assert not np.any(at.coefficients)
    assert np.count_nonzero(below.coefficients) == 1


def test_at_the_largest_l2_less_than_half_is_left():
    inputs, labels = data()
    largest = largest_l2(as_problem(inputs, labels))
    share = labels.mean()
    hessian = np.cov(inputs.T, bias=True) * share * (1 - share)
    np.testing.assert_allclose(largest, np.trace(hessian))
    free, tied = (fit_logistic(inputs, labels, l2=l2).coefficients for l2 in (0, largest))
    assert np.linalg.norm(tied) < np.linalg.norm(free) / 2


def test_without_an_intercept_the_largest_l2_knows_no_means():
    inputs, labels = data()
    largest = largest_l2(as_problem(inputs, labels, intercept=False))
    np.testing.assert_allclose(largest, (inputs**2).sum() / N / 4)


def test_jax_stays_jax():
    got = largest_l1(as_problem(*(jnp.asarray(each, jnp.float32) for each in data())))
    assert isinstance(got, jnp.ndarray)
    np.testing.assert_allclose(got, largest_l1(as_problem(*data())), rtol=1e-5)


def test_nothing_to_fit_gives_a_grid_all_the_same():
    assert largest_l1(as_problem(np.zeros((N, 1)), data()[1])) > 0


def test_falling():
    grid = falling(2.0, 5, (10, 20), np)
    assert grid[0] == 2
    np.testing.assert_allclose(grid[1:] / grid[:-1], 0.01**0.25)
    assert np.array_equal(falling(2.0, 1, (20, 10), np), [2.0])
