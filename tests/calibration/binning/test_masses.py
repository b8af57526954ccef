"""Bins of equal mass against exact fractions, with ties, copies and absent examples."""

import math
from fractions import Fraction

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.calibration import reliability_curve
from bcejax.calibration.binning import bin_table
from bcejax.calibration.binning.rules import bin_rule, settle
from bcejax.calibration.examples import as_examples

example = st.tuples(
    st.sampled_from([0.0, 1.0]),
    st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.3, 0.5, 1.0])),
    st.integers(0, 3),
)


def bin_of(p, w, bins, closed="left"):
    examples = as_examples(np.zeros_like(p), probs=p, weights=w)
    rule, ordering = settle(bin_rule(bins, "mass", closed), examples)
    return np.asarray(bin_table(examples, ordering, rule).bin_of)


def brute_force(p, w, bins):
    """By exact fractions: the bin of each example from the weight at the end of its tie group."""
    total = sum(Fraction(float(each)) for each in w)
    reached = [sum(Fraction(float(v)) for v in w[p <= each]) for each in p]
    return np.array([max(math.ceil(c * bins / total) - 1, 0) for c in reached])


@settings(max_examples=60, deadline=None)
@given(st.lists(example, min_size=12, max_size=12), st.sampled_from([1, 2, 3, 7, 15]))
def test_agrees_with_brute_force(examples, bins):
    _, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    if w.any():
        np.testing.assert_array_equal(bin_of(p, w, bins), brute_force(p, w, bins))


@pytest.mark.parametrize("bins", [7, 10, 15])
def test_borders_are_exact_where_whole_weights_meet_them(bins):
    n = 3 * 5 * 7 * 8
    p = np.random.default_rng(0).permutation(n).astype(np.float32) / n
    index = bin_of(p, np.ones(n, np.float32), bins)
    np.testing.assert_array_equal(np.bincount(index), np.full(bins, n // bins))
    np.testing.assert_array_equal(index, brute_force(p, np.ones(n), bins))


def test_a_tie_is_never_split():
    p = np.float32([0.2, 0.4, 0.4, 0.4, 0.4, 0.9])
    np.testing.assert_array_equal(bin_of(p, np.ones(6), 3), [0, 2, 2, 2, 2, 2])
    curve = reliability_curve([0, 1, 0, 1, 0, 1], probs=p, bins=3, strategy="mass")
    np.testing.assert_array_equal(curve.counts, [1, 0, 5])
    assert np.isnan(curve.mean_label[1])


def test_a_constant_probability_is_one_bin():
    curve = reliability_curve([0, 1, 1], probs=[0.3] * 3, bins=5, strategy="mass")
    np.testing.assert_array_equal(curve.counts, [0, 0, 0, 0, 3])
    np.testing.assert_allclose(curve.gap[-1], 2 / 3 - 0.3, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(example, min_size=12, max_size=12), st.sampled_from(["left", "right"]))
def test_its_edges_given_as_edges_make_the_same_bins(examples, closed):
    y, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    p = np.maximum(p, 2**-10)  # but for a heavy 0
    if not w.any():
        return
    curve = reliability_curve(y, probs=p, weights=w, bins=4, strategy="mass", closed=closed)
    edges = np.asarray(curve.edges)
    assert edges[0] == 0
    assert edges[-1] == 1
    assert np.all(np.diff(edges) >= 0)
    for b in np.flatnonzero(curve.counts):
        inside = w[bin_of(p, w, 4) == b] > 0
        members = p[bin_of(p, w, 4) == b][inside]
        above = members >= edges[b] if closed == "left" else members > edges[b]
        below = members < edges[b + 1] if closed == "left" else members <= edges[b + 1]
        assert np.all(above | (b == 0))
        assert np.all(below | (b == 3))


def test_given_edges_of_mass_bins_fill_as_they_did():
    rng = np.random.default_rng(1)
    p, y = rng.random(200).round(2).astype(np.float32), rng.random(200) < 0.5
    for closed in ("left", "right"):
        mass = reliability_curve(y, probs=p, bins=6, strategy="mass", closed=closed)
        given_edges = reliability_curve(y, probs=p, bins=mass.edges, closed=closed)
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
