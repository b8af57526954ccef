"""ECE-sweep against a loop over the number of bins, in float64."""

import math
from fractions import Fraction

import jax
import numpy as np
import pytest

from bcejax.calibration.errors import sweep_calibration_error

N = 120


def mass_bins(p, w, bins):
    total = Fraction(w.sum())
    reached = [Fraction(w[p <= each].sum()) for each in p]
    return np.array([max(math.ceil(c * bins / total) - 1, 0) for c in reached])


def brute_force(y, p, w, norm, most):
    y, p, w = (each.astype(float) for each in (y, p, w))
    best = None
    for bins in range(1, most + 1):
        index = mass_bins(p, w, bins)
        full = [b for b in range(bins) if w[index == b].sum()]
        weight, label, residual = (
            np.array([(w * each)[index == b].sum() for b in full]) for each in (w / w, y, y - p)
        )
        if np.any(np.diff(label / weight) < -1e-12):
            break
        gap = np.abs(residual / weight)
        share = weight / weight.sum()
        best = gap.max() if norm == np.inf else (share @ gap**norm) ** (1 / norm)
    return best, bins - 1


def samples():
    rng = np.random.default_rng(0)
    for seed in range(6):
        p = rng.random(N)
        if seed % 2:
            p = np.round(p, 1)
        y = (rng.random(N) < (p > 0.5) * 0.6 + 0.2 * p + 0.1).astype(float)
        yield y, p, rng.integers(1, 4, N).astype(float)
    yield (p > 0.45).astype(float), p, np.ones(N)  # monotone in any number of bins
    yield (p < 0.45).astype(float), p, np.ones(N)  # in one bin only


def sweep(y, p, w, norm=1):
    return sweep_calibration_error(y, probs=p, weights=w, norm=norm, max_bins=20)


@pytest.mark.parametrize(
    ("dtype", "norm"), [(np.float32, 1), (np.float32, np.inf), (np.float64, 2)]
)
def test_agrees_with_a_loop(dtype, norm):
    counts = set()
    with jax.enable_x64(dtype == np.float64):
        for sample in samples():
            y, p, w = (each.astype(dtype) for each in sample)
            got = sweep(y, p, w, norm)
            want, bins = brute_force(y, p, w, norm, 20)
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=0, atol=32 * np.finfo(dtype).eps)
            counts.add(bins)
    assert len(counts) >= 4  # the samples stop at several numbers of bins
    assert 1 in counts


def padded(*columns):
    """Of N rows, of which those behind the columns have weight 0."""
    columns = (*columns, np.ones(len(columns[0])))
    return [np.pad(np.float32(each), (0, N - len(each))) for each in columns]


def test_edge_cases():
    np.testing.assert_allclose(sweep(*padded([1], [0.25])), 0.75)
    np.testing.assert_allclose(sweep(*padded([1, 1], [0, 1])), 0.5)


def test_derivative():
    """K* = 2: gaps .5 - .15 > 0 and .5 - .75 < 0."""
    y, p, w = padded([0, 1, 0, 1], [0.1, 0.2, 0.7, 0.8])
    gradient = jax.jit(jax.grad(lambda p: sweep(y, p, w)))(p)
    np.testing.assert_allclose(gradient[:4], [-0.25, -0.25, 0.25, 0.25], rtol=1e-6)
    assert not gradient[4:].any()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"norm": 3}, ValueError, "norm 3 is not one of 1, 2, inf"),
        ({"max_bins": 0}, ValueError, "max_bins is 0; there must be 1 or more"),
        ({"max_bins": 2.0}, TypeError, "max_bins is 2.0; it must be an integer"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        sweep_calibration_error([1], probs=[0.5], **options)
