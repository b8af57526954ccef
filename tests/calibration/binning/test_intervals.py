"""Intervals of a share against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import beta, binom, binomtest

from bcejax.calibration.binning.intervals import (
    clopper_pearson_interval,
    jeffreys_interval,
    wilson_interval,
)


def cases(trials):
    return np.array(sorted({0, 1, trials // 2, trials - 1, trials}), float)


@pytest.mark.parametrize("trials", [1, 7, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_interval_agrees_with_scipy(trials, confidence):
    with jax.enable_x64(True):
        for hits in {0, 1, trials // 2, trials}:
            want = binomtest(hits, trials).proportion_ci(confidence, method="wilson")
            got = wilson_interval(jnp.array(hits / trials), jnp.array(1.0 * trials), confidence)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 5e-4), (np.float64, 1e-9)])
@pytest.mark.parametrize(
    ("interval", "more", "confidence"),
    [(clopper_pearson_interval, 1, 0.999), (jeffreys_interval, 0.5, 0.5)],
)
def test_beta_intervals_agree_with_scipy(interval, more, confidence, dtype, rtol):
    """With its quantiles; binomtest finds those of few hits to 3e-6 only."""
    hits, trials = np.array([(k, n) for n in (1, 7, 1000, 100_000) for k in cases(n)]).T
    misses, tail = trials - hits, (1 - confidence) / 2
    with jax.enable_x64(dtype == np.float64):
        shares = (hits / trials).astype(dtype), trials.astype(dtype)
        lower, upper = map(np.asarray, jax.jit(interval, static_argnums=2)(*shares, confidence))
    certain, hopeless = hits == trials, hits == 0
    want = beta.ppf(tail, hits + 1 - more, misses + more)
    np.testing.assert_allclose(lower, np.where(hopeless, 0, want), rtol=rtol)
    want = beta.isf(tail, hits + more, misses + 1 - more)
    np.testing.assert_allclose(upper, np.where(certain, 1, want), rtol=rtol)
    assert np.all((lower == 0) == hopeless)
    assert np.all(upper[certain] == 1)  # and of float32 also what is within 2^-25 of it


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval, jeffreys_interval])
def test_percentages_are_no_confidence(interval):
    with pytest.raises(ValueError, match="confidence 95 does not lie between 0 and 1"):
        interval(jnp.array(0.5), jnp.array(10.0), 95)


def test_the_exact_interval_never_covers_less_than_it_says():
    n, truth = 20, np.linspace(0.005, 0.995, 199)
    hits = np.arange(n + 1)
    share, trials = (hits / n).astype(np.float32), np.full(n + 1, n, np.float32)
    chance = binom.pmf(hits[:, None], n, truth)
    cover = {}
    for interval in (wilson_interval, clopper_pearson_interval, jeffreys_interval):
        lower, upper = (
            np.asarray(end)[:, None]
            for end in jax.jit(interval, static_argnums=2)(share, trials, 0.9)
        )
        cover[interval] = np.sum(chance * ((lower <= truth) & (truth <= upper)), axis=0)
    assert cover[clopper_pearson_interval].min() >= 0.9
    assert cover[jeffreys_interval].min() < 0.9  # the others only on average
    assert cover[wilson_interval].min() < 0.9
    assert abs(cover[jeffreys_interval].mean() - 0.9) < 0.015
    assert abs(cover[wilson_interval].mean() - 0.9) < 0.015
