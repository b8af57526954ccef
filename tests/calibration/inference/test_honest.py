"""The honest band against brute force over all blocks, and its simultaneous coverage."""

import jax
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta

from bcejax.calibration.inference import confidence_band

N = 60
RNG = np.random.default_rng(9)
PROBS = np.round(RNG.uniform(size=N), 1).astype(np.float32)
LABELS = (RNG.uniform(size=N) < PROBS) * 1


@jax.jit
def compiled(labels, probs, weights, where):
    return confidence_band(
        labels, probs=probs, weights=weights, where=where, confidence=0.9, cells=12
    )


def band_of(labels, probs, weights=None):
    """The band of examples that are filled up to N under a mask, so that it compiles once."""

    def filled(values):
        return np.append(values, np.full(N - len(labels), 7)).astype(np.float32)

    weights = np.ones(len(labels)) if weights is None else weights
    there = np.arange(N) < len(labels)
    return compiled(filled(labels), filled(probs), filled(weights), there)


def by_brute_force(cells, labels, weights, confidence):
    """Bounds (m,) each, from the cell (n,) of each example: the definition, pair by pair."""
    m = cells.max() + 1
    tail = (1 - confidence) / (m * (m + 1))
    lower, upper = np.zeros(m), np.ones(m)
    for j in range(m):
        for k in range(j, m):
            inside = (cells >= j) & (cells <= k)
            trials, ones = weights[inside].sum(), (weights * labels)[inside].sum()
            if ones > 0:
                lower[k:] = np.maximum(lower[k:], beta.ppf(tail, ones, trials - ones + 1))
            if ones < trials:
                bound = beta.isf(tail, ones + 1, trials - ones)
                upper[: j + 1] = np.minimum(upper[: j + 1], bound)
    return lower, upper


@pytest.mark.parametrize("weights", [np.ones(N), RNG.choice([1, 2, 5], N)], ids=["one", "copies"])
def test_equals_brute_force_where_each_score_is_a_cell(weights):
    band = band_of(LABELS, PROBS, weights)
    distinct, cells = np.unique(PROBS, return_inverse=True)
    want = by_brute_force(cells, LABELS, weights, 0.9)
    m = len(distinct)
    for first_or_last in (0, 1):
        np.testing.assert_allclose(band.probs[: 2 * m][first_or_last::2], distinct)
        np.testing.assert_allclose(band.lower[: 2 * m][first_or_last::2], want[0], atol=2e-5)
        np.testing.assert_allclose(band.upper[: 2 * m][first_or_last::2], want[1], atol=2e-5)


def test_cells_of_several_scores_bound_only_what_lies_outside_them():
    probs = expit(np.sort(RNG.normal(size=N)))
    labels = (RNG.uniform(size=N) < probs) * 1
    band = band_of(labels, probs)
    lower, upper = by_brute_force(np.arange(N) // 5, labels, np.ones(N), 0.9)
    np.testing.assert_allclose(band.probs[0::2], probs[0::5], rtol=1e-5)
    np.testing.assert_allclose(band.probs[1::2], probs[4::5], rtol=1e-5)
    np.testing.assert_allclose(band.lower[1::2], lower, atol=2e-5)
    np.testing.assert_allclose(band.upper[0::2], upper, atol=2e-5)
    # at the first score of a cell holds the bound of the cell before, at the last that behind
    np.testing.assert_allclose(band.lower[0::2], np.append(0, lower[:-1]), atol=2e-5)
    np.testing.assert_allclose(band.upper[1::2], np.append(upper[1:], 1), atol=2e-5)


def test_a_falling_curve_is_found_out():
    probs = np.repeat([0.25, 0.75], N // 2)
    band = band_of(np.repeat([1, 0], N // 2), probs)
    assert np.any(band.lower > band.upper)


def test_absence_order_and_jit_change_nothing():
    weights = np.where(np.arange(N) % 4 == 0, 0, 2)
    there = weights > 0
    want = confidence_band(LABELS, probs=PROBS, weights=weights, confidence=0.9, cells=12)
    masked = compiled(
        np.where(there, LABELS, 9).astype(np.float32),
        np.where(there, PROBS, np.float32(np.nan)),
        np.full(N, 2, np.float32),
        there,
    )
    order = RNG.permutation(N)
    moved = band_of(LABELS[order], PROBS[order], weights[order])
    assert np.all(np.diff(want.probs) >= 0)
    for other in (masked, moved):
        for ours, theirs in zip(other, want, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_one_example_says_next_to_nothing(label):
    band = band_of([label], [0.5])
    np.testing.assert_allclose(band.lower[:2], [0.05 * label] * 2, rtol=1e-4)
    np.testing.assert_allclose(band.upper[:2], [1 - 0.05 * (1 - label)] * 2, rtol=1e-4)
    np.testing.assert_array_equal(band.estimate, np.full(24, label))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cells": 0}, ValueError, "cells is 0; there must be 1 or more"),
        ({"cells": 2.5}, TypeError, "cells is 2.5; it must be an integer"),
        ({"confidence": 95}, ValueError, "confidence 95 does not lie between 0 and 1"),
        ({"labels": [1, 0.5]}, ValueError, "found the soft label 0.5"),
    ],
)
def test_bad_input_is_one_clear_line(options, error, message):
    with pytest.raises(error, match=message):
        confidence_band(**({"labels": [1, 0], "probs": [0.5, 0.5]} | options))


def test_traced_bad_values_give_nan():
    band = band_of([1, 0], [0.5, 2.0])
    assert np.isnan(np.array(band[1:])).all()
