"""Ends of intervals against scipy.stats.bootstrap, from the same replicates."""

import functools

import jax
import numpy as np
import pytest
from scipy import stats

from bcejax.calibration.inference.endpoints import KINDS

RNG = np.random.default_rng(2)
VALUES = RNG.exponential(size=40)
RESAMPLES, CONFIDENCE = 500, 0.9


@functools.partial(jax.jit, static_argnames="kind")
def ends_of(kind, estimate, replicates, influence):
    return KINDS[kind](estimate, replicates, influence, CONFIDENCE)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def delete_one(statistic, values):
    """The jackknife's influence (n - 1) (mean of theta_(i) - theta_(i))."""
    without = np.array([statistic(np.delete(values, i)) for i in range(len(values))])
    return (len(values) - 1) * (without.mean() - without)


@pytest.mark.parametrize("statistic", [np.mean, np.std], ids=["mean", "deviation"])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_scipy(kind, statistic):
    peer = stats.bootstrap(
        (VALUES,),
        lambda values, axis: statistic(values, axis=axis),
        n_resamples=RESAMPLES,
        method="BCa" if kind == "bca" else kind,
        confidence_level=CONFIDENCE,
        rng=np.random.default_rng(0),
    )
    ends = ends_of(
        kind, statistic(VALUES), peer.bootstrap_distribution, delete_one(statistic, VALUES)
    )
    np.testing.assert_allclose(ends, peer.confidence_interval, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_each_entry_of_an_array_by_itself(kind):
    estimate, replicates = np.zeros((2, 3)), RNG.normal(size=(RESAMPLES, 2, 3))
    influence = RNG.exponential(size=(2, 3, 40))
    ends = ends_of(kind, estimate, replicates, influence)
    assert ends.shape == (2, 2, 3)
    for i, j in np.ndindex(2, 3):
        one = ends_of(kind, estimate[i, j], replicates[:, i, j], influence[i, j])
        np.testing.assert_allclose(ends[:, i, j], one, rtol=1e-12)


SKEWED = np.linspace(-1, 2, 40)


def test_bca_knows_nothing_where_all_replicates_lie_on_one_side():
    ends = ends_of("bca", np.float64(0), np.linspace(1, 2, RESAMPLES), SKEWED)
    assert np.isnan(ends).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_nan(kind):
    replicates = np.linspace(-1, 2, RESAMPLES)
    replicates[3] = np.nan
    assert np.isnan(ends_of(kind, np.float64(0), replicates, SKEWED)).all()
