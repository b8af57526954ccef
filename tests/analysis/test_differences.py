"""Finite differences: the floor is where theory puts it, and no step is taken in silence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.analysis import central_difference, relative_error, scan_steps


def bumpy(x):
    return jnp.sum(jnp.exp(x)) + x[0] * x[1]


def gradient(x):
    x = np.asarray(x).astype(np.float64)
    return np.exp(x) + np.array([x[1], x[0], 0])


POINT = np.array([0.3, -0.7, 1.1])


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_the_floor_is_two_thirds_of_the_digits(dtype):
    with jax.enable_x64(True):
        x = np.asarray(jnp.asarray(POINT, dtype))
        unit = float(jnp.finfo(dtype).eps) / 2
        scan = scan_steps(bumpy, x, gradient(x))
        best = (3 * unit) ** (1 / 3)
        assert scan.floor <= 3 * unit ** (2 / 3)
        assert best / 16 <= scan.step <= best * 16
        assert scan.floor == min(scan.errors)
        assert scan.errors[0] > 2 * scan.floor  # truncation on one side,
        assert scan.errors[-1] > 2 * scan.floor  # rounding on the other
        assert relative_error(scan.gradient, gradient(x)) == scan.floor


def test_a_wrong_reference_does_not_pass():
    """Large steps can lean towards it, but not reach it."""
    x = np.float32(POINT)
    wrong, right = (scan_steps(bumpy, x, factor * gradient(x)) for factor in (1.01, 1))
    assert wrong.floor > 100 * right.floor


def test_a_step_that_leaves_the_domain_is_not_the_best():
    """At 1/2 - 1/2 the logarithm is -inf, and farther out nan."""
    with np.errstate(invalid="ignore"):
        scan = scan_steps(lambda x: jnp.log(x[0] - 0.5), np.float32([0.75]), [4.0])
    assert np.isnan(scan.errors[0])
    assert scan.floor == np.nanmin(scan.errors) < 1e-3


def test_polynomials_of_degree_two_are_exact():
    got = central_difference(lambda x: x[0] * x[1] + x[1] ** 2, np.float32([3, 5]), 0.125)
    np.testing.assert_array_equal(got, [5, 13])


def test_large_coordinates_move_by_a_share():
    got = central_difference(lambda x: x[0] * 2, np.float32([2**30]), 2**-8)
    np.testing.assert_array_equal(got, [2])


def test_steps_too_small_to_move_are_refused():
    with pytest.raises(
        ValueError, match="step 1e-12 does not move every coordinate of x in float32"
    ):
        central_difference(bumpy, np.float32(POINT), 1e-12)
    with pytest.raises(ValueError, match="step 0 is not positive"):
        central_difference(bumpy, np.float32(POINT), 0)
    with pytest.raises(ValueError, match="do not move every coordinate of x in float32"):
        scan_steps(bumpy, np.float32(POINT), gradient(POINT), steps=[1e-12])


def test_without_x64_a_float64_point_is_float32():
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match="does not move every coordinate of x in float32"),
    ):
        central_difference(bumpy, POINT, 1e-12)


def test_relative_error():
    assert relative_error(np.float32([3, 4]), [3, 4]) == 0
    assert relative_error([0, 5], [0, 0]) == 5
    assert relative_error([0, 0], [0, 0]) == 0
    assert relative_error([5e-200], [1e-200]) == 4
    assert relative_error([2e200], [1e200]) == 1
    assert np.isnan(relative_error([np.nan, 1], [1, 1]))
    with pytest.raises(ValueError, match=r"got has shape \(2,\) and reference \(1,\)"):
        relative_error([1, 2], [1])
