"""Stencils are exact for polynomials, err as predicted, and refuse steps that do not move."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcejax.analysis import (
    CENTRAL,
    FIVE_POINT,
    FORWARD,
    central_difference,
    complex_step,
    elementwise_difference,
)

X = np.array([-1.5, 0.3, 2.0])
STENCILS = {FORWARD: (1 / 2, 1), CENTRAL: (1 / 6, 2), FIVE_POINT: (1 / 30, 4)}


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("stencil", [*STENCILS, (-1, 0, 2), (1, 2, 5)])
@given(coefficients=st.lists(st.integers(-9, 9), min_size=2, max_size=5), power=st.integers(0, 6))
def test_polynomials_are_exact(stencil, coefficients, power):
    """Below the number of points, whatever the step."""
    polynomial = np.polynomial.Polynomial(coefficients[: len(stencil)])
    got = elementwise_difference(polynomial, X, 2.0**-power, stencil=stencil)
    np.testing.assert_allclose(got, polynomial.deriv()(X), rtol=0, atol=1e-10)  # 3e-12 of float64


@pytest.mark.parametrize("stencil", STENCILS)
def test_the_formula_errs_as_predicted(stencil):
    factor, order = STENCILS[stencil]
    step = 2.0**-6
    error = elementwise_difference(np.exp, X, step, stencil=stencil) - np.exp(X)
    np.testing.assert_allclose(np.abs(error), factor * step**order * np.exp(X), rtol=0.02)


@pytest.mark.parametrize("stencil", STENCILS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_best_step_keeps_its_share_of_the_digits(stencil, dtype):
    _, order = STENCILS[stencil]
    x = np.asarray(jnp.linspace(0.5, 1.5, 50).astype(dtype))
    exact, eps = np.exp(x.astype(np.float64)), float(jnp.finfo(dtype).eps)
    steps = 2.0 ** -np.arange(1, int(-np.log2(eps)) - 2)
    errors = [
        np.abs(elementwise_difference(jnp.exp, x, step, stencil=stencil) / exact - 1).max()
        for step in steps
    ]
    assert min(errors) <= 3 * eps ** (order / (order + 1))
    assert 1 / 16 <= steps[np.argmin(errors)] / eps ** (1 / (order + 1)) <= 16


def test_points_that_are_rounded_cost_only_order():
    """In float32 10.1 + 2^-18 is rounded by a quarter of the step; the quotient is still right."""
    x = np.float32([10.1, 100.3])
    got = elementwise_difference(lambda t: 3 * t.astype(np.float64), x, 2.0**-16)
    np.testing.assert_array_equal(got, [3, 3])


def test_the_central_difference_is_that_of_a_gradient():
    x = np.float32([0.3])
    one = elementwise_difference(jnp.exp, x, 2**-6)
    np.testing.assert_allclose(one, central_difference(lambda x: jnp.exp(x[0]), x, 2**-6), 1e-15)


@pytest.mark.parametrize("step", [1e-10, 1e-20, 1e-30])
def test_a_complex_step_keeps_all_digits(step):
    eps = np.finfo(np.float64).eps
    for f, derivative in ((np.exp, np.exp), (np.sin, np.cos)):
        np.testing.assert_allclose(complex_step(f, X, step), derivative(X), rtol=4 * eps)
    assert np.abs(complex_step(jnp.exp, np.float32(X), 1e-6) / np.exp(X) - 1).max() < 5e-7


def test_a_complex_step_through_the_modulus_is_wrong():
    np.testing.assert_array_equal(complex_step(np.abs, X, 1e-20), 0)


def test_what_is_refused():
    with pytest.raises(ValueError, match="step 0 is not positive"):
        elementwise_difference(np.exp, X, 0)
    with pytest.raises(ValueError, match="step -1 is not positive"):
        complex_step(np.exp, X, -1)
    with pytest.raises(ValueError, match=r"1e-09 does not part the points .* in float32"):
        elementwise_difference(np.exp, np.float32(X), 1e-9)
    with pytest.raises(ValueError, match=r"step 1e-40 is too small for float32"):
        complex_step(jnp.exp, np.float32(X), 1e-40)
    with pytest.raises(TypeError, match="x has dtype float16; a complex step takes float32 or"):
        complex_step(np.exp, np.float16(X), 1e-3)


def test_without_x64_a_float64_point_is_float32():
    with jax.enable_x64(False), pytest.raises(ValueError, match="in float32"):
        elementwise_difference(np.exp, X, 1e-9)
    with jax.enable_x64(False), pytest.raises(ValueError, match="1e-60 is too small for float32"):
        complex_step(np.exp, X, 1e-60)
