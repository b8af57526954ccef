"""Quantiles of the beta distribution against SciPy, from one trial to ten million."""

import jax
import numpy as np
import pytest
from scipy.stats import beta

from bcejax.calibration.binning.beta_law import beta_quantile

TRIALS = (1, 1.5, 2, 3, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7)
SHARES = (5e-4, 0.025, 0.25, 0.5, 0.975, 0.9995)
CASES = np.array(
    [
        (share, a, n - a)
        for n in TRIALS
        for a in (0.5, 1, 1.5, 5, 20, n / 10, n / 2, n - 1, n - 0.5)
        if 0.5 <= a <= n - 0.5
        for share in SHARES
    ]
).T


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 5e-4), (np.float64, 1e-9)])
def test_the_share_below_is_the_share_asked_for(dtype, bound):
    with jax.enable_x64(dtype == np.float64):
        share, a, b = CASES.astype(dtype)
        got = jax.jit(beta_quantile)(share, a, b)
    assert got.dtype == dtype
    one_off = np.spacing(got).astype(float)
    share, a, b, x = (each.astype(float) for each in (share, a, b, np.asarray(got)))
    tail = np.minimum(share, 1 - share)
    below = np.where(share < 0.5, beta.cdf(x, a, b), 1 - beta.sf(x, a, b))
    error = np.where(share < 0.5, below - share, 1 - share - beta.sf(x, a, b))
    rounding = 2 * beta.pdf(x, a, b) * one_off
    assert np.all(np.abs(error) <= bound * tail + rounding)


def quantiles(*cases):
    """In float32, of as many as are in CASES: one compilation."""
    return jax.jit(beta_quantile)(*np.resize(np.float32(cases), CASES.T.shape).T)[: len(cases)]


def test_small_quantiles_keep_their_digits():
    """Of 0 hits in a million trials, in float32; the upper end is 3.7e-6."""
    np.testing.assert_allclose(quantiles((0.975, 1, 1e6)), beta.ppf(0.975, 1, 1e6), rtol=1e-4)


def test_a_quantile_below_every_number_is_0():
    """Of hardly a hit, as soft labels give them: 1e-5 has its quantile at e^-368,000."""
    hits = np.array([1e-6, 1e-5, 5e-5, 1e-2, 0.1, 0.5])
    want = beta.ppf(0.025, hits, 21)
    cases = [(0.025, a, 21) for a in hits] + [(0.975, 21, a) for a in hits]
    got = np.split(quantiles(*cases), 2)
    tiny = np.finfo(np.float32).tiny
    np.testing.assert_allclose(got[0], np.where(want < tiny, 0, want), rtol=1e-4)
    np.testing.assert_allclose(got[1], beta.ppf(0.975, 21, hits), rtol=1e-6)


def test_nan_stays_nan_and_hurts_nothing_beside_it():
    x = quantiles((0.025, np.nan, 2), (0.025, 3, np.nan), (0.025, 3, 2))
    assert np.isnan(x).tolist() == [True, True, False]
    np.testing.assert_allclose(x[2], beta.ppf(0.025, 3, 2), rtol=1e-5)
