"""The spline against SciPy's and known curves, and what it promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.calibrators.spline import SplineCalibration

N = 400
X = np.linspace(-4, 4, N).astype(np.float32)


@jax.jit
def read(fit, x):
    return fit(x)


def spline(knots, values):
    return SplineCalibration(
        {"knots": jnp.asarray(knots), "logits": jnp.asarray(values)}, jnp.int32(0)
    )


def test_map_is_the_natural_cubic_spline():
    knots = np.array([-3.0, -1.5, -1, 0.5, 2, 4])
    values = np.array([-2.0, -1, -0.9, 0.1, 2, 3.5])
    ours, peer = spline(knots, values), CubicSpline(knots, values, bc_type="natural")
    inside = np.linspace(-3, 4, 60)
    np.testing.assert_allclose(read(ours, inside), peer(inside), rtol=0, atol=3e-6)
    far = read(ours, np.resize([-13.0, 14.0, -np.inf, np.inf], 60))
    beyond = [peer(end) + peer(end, 1) * sign * 10 for end, sign in ((-3, -1), (4, 1))]
    np.testing.assert_allclose(far[:2], beyond, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(far[2:4], [-np.inf, np.inf])


def test_finds_a_curve_and_leaves_a_line_straight():
    curved = 2.5 * np.tanh(X)
    fit = SplineCalibration.fit(1 / (1 + np.exp(-curved)), logits=X, weights=np.full(N, 1000.0))
    assert np.abs(np.asarray(read(fit, X)) - curved).max() < 0.15
    assert (np.diff(read(fit, X)) > -1e-6).all()
    line = SplineCalibration.fit(1 / (1 + np.exp(-0.5 * X)), logits=X)
    np.testing.assert_allclose(read(line, 2 * X), X, atol=0.02)
    assert line.status == CalibratorStatus.CONVERGED


def test_noise_does_not_bend_it():
    """At lambda large the map is the affine one: 300 labels of a calibrated score."""
    y = np.random.default_rng(1).random(N) < 1 / (1 + np.exp(-X))
    fit = SplineCalibration.fit(y, logits=X)
    bend = np.diff(np.asarray(read(fit, X), float), 2) / np.diff(X)[0] ** 2
    assert np.abs(bend).max() < 0.3


def test_where_scores_rank_the_wrong_way_it_is_constant():
    fit = SplineCalibration.fit(1 / (1 + np.exp(X)), logits=X)
    assert fit.status == CalibratorStatus.AT_BOUND
    np.testing.assert_allclose(read(fit, np.where(np.abs(X) > 3.9, np.inf * X, X)), 0, atol=1e-5)


def test_few_distinct_scores_give_finite_knots():
    x = np.where(np.arange(N) % 3 == 0, -1, 1).astype(np.float32)
    fit = SplineCalibration.fit(np.where(x > 0, 0.6, 0.2), logits=x)
    assert (np.diff(fit.params["knots"]) > 0).all()
    probs = 1 / (1 + np.exp(-np.asarray(read(fit, x))))
    np.testing.assert_allclose(probs, np.where(x > 0, 0.6, 0.2), atol=0.01)


def test_perfect_separation_stays_finite():
    fit = SplineCalibration.fit((X > 0).astype(np.float32), logits=X)
    assert np.isfinite(read(fit, X)).all()


@pytest.mark.parametrize(("knots", "error"), [(2, ValueError), (5.0, TypeError), (True, TypeError)])
def test_bad_knots_are_named(knots, error):
    with pytest.raises(
        error, match=r"^knots is (2; there must be 3 or more|.*; it must be an integer)$"
    ):
        SplineCalibration.fit([0, 1], logits=[0.0, 1.0], knots=knots)
