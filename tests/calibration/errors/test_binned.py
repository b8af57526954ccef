"""Calibration errors against brute force in float64 and closed forms of the derivatives."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm as normal

from bcejax.analysis import exact, ulp_error
from bcejax.calibration import expected_calibration_error, reliability_curve
from bcejax.calibration.errors import debiased_squared_error

norms = pytest.mark.parametrize("norm", [1, 2, np.inf])


def brute_force(y, p, w, bins, norm):
    """In float64, bin by bin; the last bin is closed."""
    edges = np.array([k / bins for k in range(bins + 1)]).astype(p.dtype)
    total, parts = math.fsum(w), []
    for b in range(bins):
        inside = (p >= edges[b]) & ((p < edges[b + 1]) | (b == bins - 1))
        W = math.fsum(w[inside])
        if W:
            gap = abs(math.fsum(w[inside] * (y[inside] - p[inside].astype(float)))) / W
            parts.append((W / total, gap))
    if norm == np.inf:
        return max(gap for _, gap in parts)
    return sum(share * gap**norm for share, gap in parts) ** (1 / norm)


def data(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5, n).astype(dtype)
    y = (rng.random(n) < p**1.5).astype(dtype)
    return y, p, rng.integers(0, 4, n).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "bins", "norm"),
    [
        (np.float32, 1, 2),
        (np.float32, 15, 1),
        (np.float32, 100, np.inf),
        (np.float64, 15, 2),
        (np.float64, 100, 1),
    ],
)
def test_agrees_with_brute_force(dtype, bins, norm):
    n = 5000
    y, p, w = data(n, dtype)
    with jax.enable_x64(dtype == np.float64):
        got = expected_calibration_error(y, probs=p, weights=w, bins=bins, norm=norm)
    assert got.dtype == dtype
    bound = 4 * (math.sqrt(n) + 4) * np.finfo(dtype).eps
    assert abs(float(got) - brute_force(y, p, w, bins, norm)) <= bound


def test_one_hand_made_case():
    """Bins [0, .5) and [.5, 1]: gaps .25 and -.25 + ..., by hand."""
    y, p = [0, 1, 1, 1], [0.25, 0.25, 0.5, 0.75]
    error = [expected_calibration_error(y, probs=p, bins=2, norm=k) for k in (1, 2, np.inf)]
    np.testing.assert_allclose(error, [0.3125, np.sqrt((0.25**2 + 0.375**2) / 2), 0.375], rtol=1e-6)


@pytest.mark.parametrize(
    ("p", "y", "want"), [([0.95, 1.0], [1, 0], 0.475), ([0.0, 0.04], [0, 1], 0.48)]
)
def test_the_ends_belong_to_the_outer_bins(p, y, want):
    """Two peers give 0.525 for the first: they send p = 1 to a bin of its own."""
    for closed in ("left", "right"):
        got = expected_calibration_error(y, probs=p, bins=10, closed=closed)
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_a_single_class_and_a_single_example():
    np.testing.assert_allclose(expected_calibration_error([1], probs=[0.25]), 0.75)
    np.testing.assert_allclose(expected_calibration_error([0, 0], probs=[0.25, 0.75]), 0.5)


pairs = st.tuples(
    st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32), st.sampled_from([0, 1, 2, 3])
)


@settings(max_examples=12, deadline=None)
@given(st.lists(pairs, min_size=8, max_size=8))
def test_splitting_bins_never_lowers_it(examples):
    y, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    if not w.any():
        return
    total, coarse, finest = (
        expected_calibration_error(y, probs=p, weights=w, bins=bins) for bins in (1, 4, 16)
    )
    assert 0 <= total <= coarse + 2**-20
    assert coarse <= finest + 2**-20
    assert finest <= 1 + 2**-20
    scaled = expected_calibration_error(y, probs=p, weights=8 * w, bins=16)
    np.testing.assert_allclose(scaled, finest, rtol=2**-16, atol=2**-20)


def test_logits_keep_digits_that_probabilities_lose():
    x = np.float32([20.0, 30.0])
    got = expected_calibration_error([1, 1], logits=x)
    with mpmath.workprec(200):
        want = -(exact("gradient", x[0], 1) + exact("gradient", x[1], 1)) / 2
    assert ulp_error(got, np.array(want, object)) <= 3
    through_probs = expected_calibration_error([1, 1], probs=np.float32(1 / (1 + np.exp(-x))))
    assert through_probs == 0


@jax.jit
@functools.partial(jax.value_and_grad, argnums=1)
def of_logits(y, x, w):
    return expected_calibration_error(y, logits=x, weights=w)


@functools.partial(jax.jit, static_argnames=("norm", "debias", "bins"))
def of_probs(y, p, w, norm=1, debias=False, bins=2):
    """The error, and its gradients in labels, probabilities and weights."""

    def error(y, p, w):
        return expected_calibration_error(
            y, probs=p, weights=w, where=jnp.isfinite(y), norm=norm, debias=debias, bins=bins
        )

    return jax.value_and_grad(error, (0, 1, 2))(y, p, w)


def test_infinite_logits():
    x, w = np.float32([np.inf, -np.inf, 0]), np.float32([1, 1, 0])
    assert of_logits(np.float32([1, 0, 0]), x, w)[0] == 0
    error, gradient = of_logits(np.float32([0, 1, 0]), x, w)
    assert error == 1
    np.testing.assert_array_equal(gradient, [0, 0, 0])


def test_derivative_in_logits_goes_through_the_variance():
    x = np.float32([-1.0, 0.5, 25.0])
    gradient = of_logits(np.ones(3, np.float32), x, np.ones(3, np.float32))[1]
    want = -np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2 / 3
    np.testing.assert_allclose(gradient, want, rtol=1e-5)


def test_derivative_in_probs_labels_and_weights():
    y, p, w = np.float32([[0, 1, 1], [0.2, 0.3, 0.9], [1, 2, 3]])
    by_label, by_prob, by_weight = of_probs(y, p, w)[1]
    # bins {0, 1} and {2}: residuals -.2 + 2 .7 = 1.2 and 3 .1 = .3, both positive; W = 6
    r = np.array([-0.2, 0.7, 0.1])
    np.testing.assert_allclose(by_prob, -w / 6, rtol=1e-5)
    np.testing.assert_allclose(by_label, w / 6, rtol=1e-5)
    np.testing.assert_allclose(by_weight, r / 6 - 1.5 / 36, rtol=1e-5)


@norms
def test_a_perfect_fit_has_derivative_0_and_masked_nan_spoils_none(norm):
    y, w = np.float32([0, 1, np.nan]), np.ones(3, np.float32)
    error, (_, gradient, _) = of_probs(y, np.float32([0.5, 0.5, np.nan]), w, norm, bins=1)
    assert error == 0
    np.testing.assert_array_equal(gradient, [0, 0, 0])
    error, (_, gradient, _) = of_probs(y, np.float32([0.25, 0.5, np.nan]), w, norm, bins=1)
    assert error == 0.125
    np.testing.assert_allclose(gradient, [-0.5, -0.5, 0], rtol=1e-6)


def test_low_precision_is_computed_in_float32():
    y, p, _ = data(5000, np.float32)
    p = p.astype(jnp.bfloat16)
    got = expected_calibration_error(y, probs=p)
    assert got.dtype == jnp.float32
    want = brute_force(y, np.asarray(p), np.ones(5000), 15, 1)
    assert abs(float(got) - want) <= 4 * (math.sqrt(5000) + 4) * 2**-23


def test_unknown_norm():
    with pytest.raises(ValueError, match="norm 3 is not one of 1, 2, inf"):
        expected_calibration_error([1], probs=[0.5], norm=3)


def folded(d, s):
    """E|N(d, s^2)| by quadrature."""
    return quad(lambda t: abs(d + s * t) * normal.pdf(t), -40, 40, points=[-d / s], limit=200)[0]


def test_debiased_norm_1_takes_off_what_the_plug_in_gains():
    y, p, w = data(400, np.float64)
    with jax.enable_x64(True):
        curve = reliability_curve(y, probs=p, weights=w, bins=6)
        got = expected_calibration_error(y, probs=p, weights=w, bins=6, debias=True)
    share, gap, weight = (np.asarray(each) for each in (curve.mean_label, curve.gap, curve.weights))
    spread = np.sqrt(share * (1 - share) / weight)
    again = [folded(d, s) for d, s in zip(gap, spread, strict=True)]
    want = weight @ (2 * np.abs(gap) - again) / weight.sum()
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_debiased_norm_2_is_the_root_of_the_clipped_square():
    for seed in range(4):
        y, p, w = data(60, np.float32, seed)
        square = debiased_squared_error(y, probs=p, weights=w, bins=4)
        got = expected_calibration_error(y, probs=p, weights=w, bins=4, norm=2, debias=True)
        np.testing.assert_allclose(got, np.sqrt(max(float(square), 0)), rtol=1e-5)


def test_pure_bins_have_nothing_to_take_off_and_a_derivative():
    y, p, w = np.float32([[0, 1, 0], [0.25, 0.625, 0], [1, 1, 0]])
    error, (_, by_prob, _) = of_probs(y, p, w, debias=True)
    np.testing.assert_allclose(error, 0.3125)
    np.testing.assert_allclose(by_prob, [0.5, -0.5, 0])
    alone = of_probs(y, p, np.float32([0, 1, 0]), norm=2, debias=True)[0]
    assert np.isnan(alone)


def test_norm_inf_has_no_debiased_form():
    with pytest.raises(ValueError, match="debias is for norm 1 or 2; no debiased form of norm inf"):
        expected_calibration_error([1], probs=[0.5], norm=np.inf, debias=True)
