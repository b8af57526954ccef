"""The edge rule, the sums, the curve: against rational numbers, float64, scikit-learn, SciPy."""

import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from bcejax.analysis import ulp_error
from bcejax.calibration import reliability_curve
from bcejax.calibration.binning import (
    bin_edges,
    bin_index,
    logit_edges,
    sums_by_bin,
    wilson_interval,
)

dtypes = pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
sides = pytest.mark.parametrize("closed", ["left", "right"])


def counts(closed, bins, **scores):
    (n,) = next(iter(scores.values())).shape
    return np.asarray(reliability_curve(np.zeros(n), **scores, bins=bins, closed=closed).counts)


@dtypes
def test_tenths_belong_to_their_bins(dtype):
    with jax.enable_x64(True):
        tenths = jnp.array([k / 10 for k in range(11)], dtype)
        inner = bin_edges(10, dtype)[1:-1]
        left, right = (bin_index(tenths, inner, closed) for closed in ("left", "right"))
        np.testing.assert_array_equal(left, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
        np.testing.assert_array_equal(right, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        np.testing.assert_array_equal(counts("left", 10, probs=tenths), [1] * 9 + [2])
        np.testing.assert_array_equal(counts("right", 10, probs=tenths), [2] + [1] * 9)


@dtypes
@sides
def test_neighbours_of_an_edge_belong_to_either_side(dtype, closed):
    with jax.enable_x64(True):
        edges = bin_edges(10, dtype)
        inner = edges[1:-1]
        below = np.nextafter(inner, np.zeros_like(inner))
        above = np.nextafter(inner, np.ones_like(inner))
        np.testing.assert_array_equal(bin_index(jnp.array(below), inner, closed), np.arange(9))
        np.testing.assert_array_equal(bin_index(jnp.array(above), inner, closed), np.arange(1, 10))


@pytest.mark.parametrize("bins", [2, 7, 10, 15, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_logits_are_exact_and_odd(bins, dtype):
    with mpmath.workprec(200):
        exact = [mpmath.log(mpmath.mpf(k) / (bins - k)) for k in range(1, bins)]
    edges = logit_edges(bins, dtype)
    assert ulp_error(edges, np.array(exact, object)).max() <= (1 if dtype == np.float64 else 0.501)
    np.testing.assert_array_equal(edges, -edges[::-1])


@sides
@pytest.mark.parametrize("bins", [7, 10, 15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_fall_where_their_exact_probability_does(bins, dtype, closed):
    """Beside an edge and far from all; on an edge the rule decides."""
    inner = logit_edges(bins, dtype)
    rng = np.random.default_rng(0)
    beside = [inner * (1 + s * 4 * np.finfo(dtype).eps) for s in (-1, 1)]
    logits = np.concatenate([*beside, rng.normal(0, 3, 200), [1e-30, -1e-30, 20, 100, -100]])
    logits = np.array([x for x in logits.astype(dtype) if x not in inner])
    with mpmath.workprec(200), jax.enable_x64(True):
        exact = [mpmath.floor(bins / (1 + mpmath.exp(-mpmath.mpf(float(x))))) for x in logits]
        got = bin_index(jnp.array(logits), inner, closed)
        np.testing.assert_array_equal(got, np.array(exact, float))
        on_edge = bin_index(jnp.array(inner), inner, closed)
        np.testing.assert_array_equal(on_edge, np.arange(1, bins) - (closed == "right"))


@sides
def test_the_ends(closed):
    certain = np.float32([-np.inf, np.inf])
    np.testing.assert_array_equal(counts(closed, 3, logits=certain), [1, 0, 1])
    np.testing.assert_array_equal(counts(closed, 3, probs=np.float32([0, 1])), [1, 0, 1])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_sums_stay_within_their_bound(dtype):
    n, bins = 20_000, 3
    rng = np.random.default_rng(0)
    values = np.stack([np.ones(n), rng.normal(size=n)], -1).astype(dtype)
    index = rng.integers(0, bins, n)
    got = np.asarray(sums_by_bin(jnp.array(values), jnp.array(index), bins)).astype(float)
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
several = st.sampled_from([1, 12]).flatmap(lambda n: st.lists(example, min_size=n, max_size=n))


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


@settings(max_examples=60, deadline=None)
@given(several, st.sampled_from([1, 10]), st.sampled_from(["left", "right"]))
def test_agrees_with_brute_force(examples, bins, closed):
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


@settings(max_examples=30, deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_order_does_not_matter(examples, random):
    shuffled = random.sample(examples, len(examples))
    (y, p, w, _), (y_, p_, w_, _) = columns(examples), columns(shuffled)
    if not w.any():
        return
    one = reliability_curve(y, probs=p, weights=w, bins=10)
    other = reliability_curve(y_, probs=p_, weights=w_, bins=10)
    np.testing.assert_array_equal(one.counts, other.counts)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=32 * 2**-23, atol=32 * 2**-23)


@settings(max_examples=20, deadline=None)
@given(st.lists(example, min_size=4, max_size=4), st.permutations([0, 1, 2, 3]))
def test_copies_are_weights_and_weight_0_is_absence(examples, copies):
    """Copies 0..3 of four examples: always six rows against four with integer weights."""
    y, p, _, _ = columns(examples)
    repeated = np.repeat(np.arange(4), copies)
    one = reliability_curve(y, probs=p, weights=np.array(copies), bins=10)
    other = reliability_curve(y[repeated], probs=p[repeated], bins=10)
    for name in ("weights", "mean_prob", "mean_label", "gap", "lower", "upper"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(a, b, rtol=32 * 2**-23, atol=32 * 2**-23)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_constant_probability_fills_one_bin(p):
    curve = reliability_curve([0, 1, 1, 1], probs=np.full(4, p), bins=10)
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


@pytest.mark.parametrize("trials", [1, 7, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_interval_agrees_with_scipy(trials, confidence):
    with jax.enable_x64(True):
        for hits in {0, 1, trials // 2, trials}:
            want = binomtest(hits, trials).proportion_ci(confidence, method="wilson")
            got = wilson_interval(jnp.array(hits / trials), jnp.array(1.0 * trials), confidence)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_the_interval_of_the_curve_counts_weights_as_trials():
    curve = reliability_curve([0, 1], probs=[0.5, 0.5], weights=[3, 7], bins=1)
    want = binomtest(7, 10).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose((curve.lower[0], curve.upper[0]), want, rtol=1e-6)


def test_jit_and_vmap_agree_with_the_plain_call():
    rng = np.random.default_rng(2)
    y, p = rng.integers(0, 2, (3, 40)), rng.random((3, 40)).astype(np.float32)
    together = jax.jit(jax.vmap(lambda y, p: reliability_curve(y, probs=p, bins=5)))(y, p)
    for row in range(3):
        alone = reliability_curve(y[row], probs=p[row], bins=5)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[row], b, rtol=1e-6)


def test_means_have_derivatives_and_empty_bins_none():
    def total(p, w):
        curve = reliability_curve([0, 1, 1], probs=p, weights=w, bins=4)
        return sum(jnp.sum(jnp.where(curve.counts > 0, field, 0)) for field in curve[3:])

    p, w = jnp.array([0.1, 0.2, 0.9]), jnp.array([1.0, 3.0, 0.0])
    by_prob, by_weight = jax.grad(total, (0, 1))(p, w)
    # mean_prob + gap = mean_label, so only the interval and mean_label depend on weights
    np.testing.assert_allclose(by_prob, [0, 0, 0], atol=1e-7)
    assert np.all(np.isfinite(by_weight))


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_fraction(confidence):
    with pytest.raises(ValueError, match=f"confidence {confidence} does not lie between 0 and 1"):
        reliability_curve([1], probs=[0.5], confidence=confidence)
