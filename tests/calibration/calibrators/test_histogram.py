"""Histogram binning against NumPy, bin by bin."""

import numpy as np
import pytest

from bcejax.calibration.calibrators.histogram import HistogramBinning
from bcejax.calibration.calibrators.isotonic import IsotonicCalibration

rng = np.random.default_rng(0)
P = np.round(rng.uniform(0.05, 0.95, 80), 2).astype(np.float32)  # many lie on edges
Y = (rng.random(80) < P**2).astype(np.float32)
W = rng.integers(0, 4, 80).astype(np.float32)
X = np.log(P / (1 - P.astype(float))).astype(np.float32)


def test_bins_of_equal_width_are_laplace_means():
    fit = HistogramBinning.fit(
        Y, logits=X, weights=W, bins=10, strategy="width", smoothing=0.5, monotone=False
    )
    bins = np.searchsorted(np.log(np.arange(1, 10) / np.arange(9, 0, -1)).astype("f4"), X, "right")
    ones, all_ = np.bincount(bins, W * Y, 10), np.bincount(bins, W, 10)
    np.testing.assert_allclose(fit.probs(logits=X), ((ones + 0.5) / (all_ + 1))[bins], rtol=1e-5)


def test_bins_of_equal_mass_split_no_tie():
    fit = HistogramBinning.fit(Y, logits=X, bins=4, smoothing=0, monotone=False)
    at_end = np.array([np.sum(x >= X) for x in X])
    bins = -(-4 * at_end // len(X)) - 1
    means = np.bincount(bins, Y, 4) / np.bincount(bins, minlength=4)
    np.testing.assert_allclose(fit.probs(logits=X), means[bins], rtol=1e-5, atol=1e-6)
    beyond = fit.probs(logits=np.array([-np.inf, np.inf]))
    np.testing.assert_allclose(beyond, means[[0, -1]], rtol=1e-5, atol=1e-6)


def test_monotone_pools_the_bins_that_decrease():
    x = np.array([-3, -1, 1, 3.0])
    y = np.array([0.2, 0.6, 0.4, 0.9])
    options = {"bins": [0, 0.1, 0.5, 0.9, 1], "strategy": "width", "smoothing": 0}
    fit = HistogramBinning.fit(y, logits=x, **options)
    np.testing.assert_allclose(fit.probs(logits=x), [0.2, 0.5, 0.5, 0.9], rtol=1e-6)
    plain = HistogramBinning.fit(y, logits=x, **options, monotone=False)
    np.testing.assert_allclose(plain.probs(logits=x), y, rtol=1e-6)


def test_as_many_bins_as_scores_are_isotonic_steps():
    x = np.linspace(-2, 2, 16)
    y = (rng.random(16) < 1 / (1 + np.exp(-x))).astype(float)
    bins = HistogramBinning.fit(y, logits=x, bins=16, smoothing=0)
    steps = IsotonicCalibration.fit(y, logits=x, interpolation="step", smoothing=0)
    at = np.linspace(-3, 3, 50)
    np.testing.assert_allclose(bins(at), steps(at), rtol=1e-5, atol=1e-6)


def test_an_empty_bin_answers_its_middle_between_its_neighbours():
    options = {"bins": 4, "strategy": "width", "smoothing": 0}
    fit = HistogramBinning.fit([0.3, 0.5], probs=[0.1, 0.9], **options)
    got = fit.probs(probs=np.array([0.3, 0.7]))
    np.testing.assert_allclose(got, [0.375, 0.5], rtol=1e-6)
    plain = HistogramBinning.fit([0.3, 0.5], probs=[0.1, 0.9], **options, monotone=False)
    np.testing.assert_allclose(plain.probs(probs=np.array([0.3, 0.7])), [0.375, 0.625], rtol=1e-6)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="strategy 'size' is not one of"):
        HistogramBinning.fit([0, 1], logits=[0.0, 1.0], strategy="size")
    with pytest.raises(ValueError, match="smoothing is -1"):
        HistogramBinning.fit([0, 1], logits=[0.0, 1.0], smoothing=-1)
