"""The sums and the curve against loops in float64, scikit-learn and SciPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from bcejax.calibration import reliability_curve
from bcejax.calibration.binning import sums_by_bin


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_sums_stay_within_their_bound(dtype):
    n, bins = 20_000, 3
    rng = np.random.default_rng(0)
    values = np.stack([np.ones(n), rng.normal(size=n)], -1).astype(dtype)
    index = rng.integers(0, bins, n)
    compiled = jax.jit(sums_by_bin, static_argnums=2)
    got = np.asarray(compiled(values, index, bins)).astype(float)
    wide = values.astype(np.float64)
    for b in range(bins):
        for c in range(2):
            terms = wide[index == b, c]
            bound = 2 * (math.sqrt(n) + 2) * float(jnp.finfo(dtype).eps) * np.abs(terms).sum()
            assert abs(got[b, c] - math.fsum(terms)) <= bound
    # one long sum of ones stops at 2048 in float16
    assert np.all(got[:, 0] > 6000)


example = st.tuples(
    st.sampled_from([0.0, 1.0, 1.0, 0.0, 0.25]),  # label
    st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])),
    st.sampled_from([1.0, 0.0, 2.0, 0.5, 1000.0]),  # weight
    st.booleans(),  # where
)
several = st.lists(example, min_size=12, max_size=12)


def columns(examples):
    y, p, w, m = (np.array(each) for each in zip(*examples, strict=True))
    return y.astype(np.float32), p.astype(np.float32), w.astype(np.float32), m


def brute_force(y, p, w, bins, closed):
    """Loops in float64; the bin is found by comparing with every edge."""
    edges = np.array([np.float32(k / bins) for k in range(bins + 1)])
    rows = []
    for b in range(bins):
        above = p >= edges[b] if closed == "left" else p > edges[b]
        below = p < edges[b + 1] if closed == "left" else p <= edges[b + 1]
        inside = (above | (b == 0)) & (below | (b == bins - 1)) & (w > 0)
        W = math.fsum(w[inside])
        means = [math.fsum(w[inside] * v[inside].astype(float)) / W if W else math.nan
                 for v in (p, y, y.astype(float) - p)]  # fmt: skip
        rows.append([inside.sum(), W, *means])
    return np.array(rows, float).T


@settings(max_examples=30, deadline=None)
@given(several, st.sampled_from([(1, "left"), (10, "left"), (10, "right")]))
def test_agrees_with_brute_force(examples, rule):
    bins, closed = rule
    y, p, w, m = columns(examples)
    if not (w * m).any():
        return
    curve = reliability_curve(
        np.where(m, y, np.nan), probs=np.where(m, p, np.nan), weights=w, where=m, bins=bins,
        closed=closed,
    )  # fmt: skip
    want = brute_force(y[m], p[m], w[m].astype(float), bins, closed)
    np.testing.assert_array_equal(curve.counts, want[0])
    got = (curve.weights, curve.mean_prob, curve.mean_label, curve.gap)
    for field, exact, scale in zip(got, want[1:], (want[1].max(), 1, 1, 1), strict=True):
        # 16 roundings of sums of at most 12 terms, of size 1 at most but for the weights
        np.testing.assert_allclose(field, exact, rtol=0, atol=16 * 2**-23 * scale)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_constant_probability_fills_one_bin(p):
    labels = np.float32(np.arange(12) % 4 > 0)
    curve = reliability_curve(
        labels, probs=np.full(12, np.float32(p)), weights=np.ones(12, np.float32),
        where=np.full(12, True), bins=10, closed="left",
    )  # fmt: skip
    full = np.asarray(curve.counts) > 0
    assert full.sum() == 1
    np.testing.assert_allclose(np.asarray(curve.mean_label)[full], [0.75])
    np.testing.assert_allclose(np.asarray(curve.mean_prob)[full], [np.float32(p)], rtol=2**-22)
    for field in curve[3:]:
        np.testing.assert_array_equal(np.isnan(field), ~full)


def test_agrees_with_scikit_learn():
    """Its bins are right-closed; it drops the empty ones."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 0.3, 500)
    y = (rng.random(500) < p**2).astype(float)
    share, mean = calibration_curve(y, p, n_bins=20)
    with jax.enable_x64(True):
        curve = reliability_curve(y, probs=p, bins=20, closed="right")
        full = np.asarray(curve.counts) > 0
        np.testing.assert_allclose(np.asarray(curve.mean_prob)[full], mean, rtol=1e-14)
        np.testing.assert_allclose(np.asarray(curve.mean_label)[full], share, rtol=1e-14)


def test_logits_give_the_curve_of_their_probabilities():
    rng = np.random.default_rng(1)
    x = rng.normal(0, 3, 300)
    y = rng.random(300) < 0.5
    with jax.enable_x64(True):
        one = reliability_curve(y, logits=x)
        other = reliability_curve(y, probs=1 / (1 + np.exp(-x)))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_means_have_derivatives_and_empty_bins_none():
    def total(p, w):
        curve = reliability_curve([0, 1, 1], probs=p, weights=w, bins=4)
        return sum(jnp.sum(jnp.where(curve.counts > 0, field, 0)) for field in curve[3:])

    p, w = jnp.array([0.1, 0.2, 0.9]), jnp.array([1.0, 3.0, 0.0])
    by_prob, by_weight = jax.jit(jax.grad(total, (0, 1)))(p, w)
    # mean_prob + gap = mean_label, so only the interval and mean_label depend on weights
    np.testing.assert_allclose(by_prob, [0, 0, 0], atol=1e-7)
    assert np.all(np.isfinite(by_weight))


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_fraction(confidence):
    with pytest.raises(ValueError, match=f"confidence {confidence} does not lie between 0 and 1"):
        reliability_curve([1], probs=[0.5], confidence=confidence)


@pytest.mark.parametrize(
    ("interval", "method"), [("wilson", "wilson"), ("clopper_pearson", "exact")]
)
def test_the_interval_is_the_one_asked_for(interval, method):
    curve = reliability_curve(
        [0, 1], probs=[0.5, 0.9], weights=[3, 9], bins=2, interval=interval, confidence=0.8
    )
    want = binomtest(9, 12).proportion_ci(0.8, method=method)
    np.testing.assert_allclose((curve.lower[1], curve.upper[1]), want, rtol=1e-5)
    assert np.isnan(curve.lower[0])
    assert np.isnan(curve.upper[0])


def test_an_unknown_interval():
    with pytest.raises(
        ValueError, match=r"interval 'wald' is not one of .'clopper_pearson', 'jeff"
    ):
        reliability_curve([1], probs=[0.5], interval="wald")


def test_given_edges_make_the_bins():
    rng = np.random.default_rng(4)
    p = rng.random(100)
    y = (rng.random(100) < p).astype(float)
    edges = [0, 0.05, 0.5, 0.9, 1]
    with jax.enable_x64(True):
        curve = reliability_curve(y, probs=p, bins=edges)
    np.testing.assert_array_equal(curve.edges, edges)
    np.testing.assert_array_equal(curve.counts, np.histogram(p, edges)[0])
    share = np.histogram(p, edges, weights=y)[0] / np.histogram(p, edges)[0]
    np.testing.assert_allclose(curve.mean_label, share, rtol=1e-13)


def test_an_exact_interval_has_derivative_0_and_spoils_none():
    def total(p):
        curve = reliability_curve([0, 1, 1], probs=p, bins=2, interval="jeffreys")
        return jnp.nansum(curve.gap) + jnp.nansum(curve.upper)

    np.testing.assert_allclose(
        jax.jit(jax.grad(total))(jnp.array([0.1, 0.8, 0.9])), [-1, -0.5, -0.5]
    )
