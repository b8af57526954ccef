"""Bins of equal mass against exact fractions, with ties, copies and absent examples."""

import math
from fractions import Fraction

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.calibration import reliability_curve
from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.rules import bin_rule, settle
from bcejax.calibration.examples import as_examples

SIZE = 16  # one shape, so that each rule is compiled once

example = st.tuples(
    st.sampled_from([0.0, 1.0]),
    st.one_of(
        st.floats(0, 1, width=32, allow_subnormal=False), st.sampled_from([0.0, 0.3, 0.5, 1.0])
    ),
    st.integers(0, 3),
)
several = st.lists(example, min_size=SIZE, max_size=SIZE)
_table = jax.jit(bin_table, static_argnums=2)


def bin_of(p, w, bins):
    examples = as_examples(np.zeros_like(p), probs=p, weights=w)
    rule, ordering = settle(bin_rule(bins, "mass"), examples)
    return np.asarray(_table(examples, ordering, rule).bin_of)


def four(y, p, w, closed="left"):
    """The curve in four bins of equal mass."""
    return reliability_curve(y, probs=p, weights=w, bins=4, strategy="mass", closed=closed)


def brute_force(p, w, bins):
    """By exact fractions: the bin of each example from the weight at the end of its tie group."""
    total = sum(Fraction(float(each)) for each in w)
    reached = [sum(Fraction(float(v)) for v in w[p <= each]) for each in p]
    return np.array([max(math.ceil(c * bins / total) - 1, 0) for c in reached])


@settings(max_examples=20, deadline=None)
@given(several, st.sampled_from([1, 4, 7]))
def test_agrees_with_brute_force(examples, bins):
    _, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    if w.any():
        np.testing.assert_array_equal(bin_of(p, w, bins), brute_force(p, w, bins))


def test_borders_are_exact_where_whole_weights_meet_them():
    n, bins = 3 * 5 * 7 * 8, 15
    p = np.random.default_rng(0).permutation(n).astype(np.float32) / n
    index = bin_of(p, np.ones(n, np.float32), bins)
    np.testing.assert_array_equal(np.bincount(index), np.full(bins, n // bins))
    np.testing.assert_array_equal(index, brute_force(p, np.ones(n), bins))


def test_a_tie_is_never_split():
    p = [0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.9]
    y, p, w = np.arange(8) % 2, np.array(p), np.ones(8)
    y, p, w = (np.pad(each, (0, SIZE - 8)).astype(np.float32) for each in (y, p, w))
    np.testing.assert_array_equal(bin_of(p, w, 4)[:8], [0, 3, 3, 3, 3, 3, 3, 3])
    curve = four(y, p, w)
    np.testing.assert_array_equal(curve.counts, [1, 0, 0, 7])
    assert np.isnan(curve.mean_label[1])


def test_a_constant_probability_is_one_bin():
    y, p = np.arange(SIZE) % 4 > 0, np.full(SIZE, 0.3, np.float32)
    curve = four(y.astype(np.float32), p, np.ones(SIZE, np.float32))
    np.testing.assert_array_equal(curve.counts, [0, 0, 0, SIZE])
    np.testing.assert_allclose(curve.gap[-1], 3 / 4 - 0.3, rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(several, st.sampled_from(["left", "right"]))
def test_its_edges_given_as_edges_make_the_same_bins(examples, closed):
    y, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    p = np.maximum(p, 2**-10)  # but for a heavy 0
    if not w.any():
        return
    curve = four(y, p, w, closed)
    edges = np.asarray(curve.edges)
    assert edges[0] == 0
    assert edges[-1] == 1
    assert np.all(np.diff(edges) >= 0)
    index = bin_of(p, w, 4)
    for b in np.flatnonzero(curve.counts):
        members = p[(index == b) & (w > 0)]
        above = members >= edges[b] if closed == "left" else members > edges[b]
        below = members < edges[b + 1] if closed == "left" else members <= edges[b + 1]
        assert np.all(above | (b == 0))
        assert np.all(below | (b == 3))


def test_given_edges_of_mass_bins_fill_as_they_did():
    rng = np.random.default_rng(1)
    p, y = rng.random(SIZE).round(1).astype(np.float32), np.float32(rng.random(SIZE) < 0.5)
    w = np.ones(SIZE, np.float32)
    for closed in ("left", "right"):
        mass = four(y, p, w, closed)
        given_edges = reliability_curve(y, probs=p, weights=w, bins=mass.edges, closed=closed)
        for one, other in zip(mass, given_edges, strict=True):
            np.testing.assert_array_equal(one, other)


def test_logits_have_the_bins_of_their_probabilities():
    x = np.random.default_rng(2).normal(0, 3, 100)
    y = x > 0
    with jax.enable_x64(True):
        one = reliability_curve(y, logits=x, bins=7, strategy="mass")
        other = reliability_curve(y, probs=1 / (1 + np.exp(-x)), bins=7, strategy="mass")
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
