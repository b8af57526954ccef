"""Oracle: mpmath's quadrature with 30 digits."""

import mpmath
import numpy as np
import pytest

from bcejax.data import intercept_for_rate


@pytest.mark.parametrize("coefficients", [(0.0,), (2.0, -1.0, 0.5), (3.0, 4.0), (50.0,)])
@pytest.mark.parametrize("rate", [0.5, 0.01, 1e-9])
def test_intercept_against_mpmath(coefficients, rate):
    b = intercept_for_rate(coefficients, rate)
    length = np.linalg.norm(coefficients)

    edge = -b / length if length else 0.0  # of the step that a steep sigmoid is
    near_edge = [edge + k / max(length, 1) for k in (-20, -9, -3, 0, 3, 9, 20)]
    with mpmath.workdps(30):
        points = sorted({-40, -20, -8, -4, 0, 4, 8, 20, 40, *near_edge})
        mean = mpmath.quad(lambda z: mpmath.npdf(z) / (1 + mpmath.exp(-(length * z + b))), points)
        assert abs(mean / rate - 1) <= 1e-14


def test_half_of_all_needs_no_intercept():
    assert abs(intercept_for_rate((1.0, 2.0), 0.5)) < 1e-14


def test_rates_and_their_complements_mirror():
    low, high = (intercept_for_rate((3.0,), rate) for rate in (0.125, 0.875))
    assert abs(low + high) < 1e-14


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 10, float("nan")])
def test_bad_rates(rate):
    with pytest.raises(ValueError, match=r"rate must lie in \(0, 1\), got"):
        intercept_for_rate((1.0,), rate)


def test_long_coefficients():
    with pytest.raises(ValueError, match="coefficients must have length at most 50, got 60"):
        intercept_for_rate((60.0,), 0.1)
