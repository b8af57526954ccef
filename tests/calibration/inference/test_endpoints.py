"""Ends of intervals against scipy.stats.bootstrap, from the same replicates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bcejax.calibration.inference.endpoints import KINDS

RNG = np.random.default_rng(2)
VALUES = RNG.exponential(size=40)


def delete_one(statistic, values):
    """The jackknife's influence (n - 1) (mean of theta_(i) - theta_(i))."""
    without = np.array([statistic(np.delete(values, i)) for i in range(len(values))])
    return (len(values) - 1) * (without.mean() - without)


@pytest.mark.parametrize("statistic", [np.mean, np.std], ids=["mean", "deviation"])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_scipy(kind, statistic, confidence):
    peer = stats.bootstrap(
        (VALUES,),
        lambda values, axis: statistic(values, axis=axis),
        n_resamples=500,
        method="BCa" if kind == "bca" else kind,
        confidence_level=confidence,
        rng=np.random.default_rng(0),
    )
    with jax.enable_x64(True):
        ends = KINDS[kind](
            jnp.array(statistic(VALUES)),
            jnp.array(peer.bootstrap_distribution),
            jnp.array(delete_one(statistic, VALUES)),
            confidence,
        )
    np.testing.assert_allclose(ends, peer.confidence_interval, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_each_entry_of_an_array_by_itself(kind):
    replicates, influence = RNG.normal(size=(50, 2, 3)), RNG.exponential(size=(2, 3, 20))
    estimate = np.zeros((2, 3))
    ends = KINDS[kind](estimate, jnp.array(replicates), influence, 0.8)
    assert ends.shape == (2, 2, 3)
    for i, j in np.ndindex(2, 3):
        one = KINDS[kind](estimate[i, j], jnp.array(replicates[:, i, j]), influence[i, j], 0.8)
        np.testing.assert_allclose(ends[:, i, j], one, rtol=1e-6)


def test_bca_knows_nothing_where_all_replicates_lie_on_one_side():
    ends = KINDS["bca"](jnp.array(0.0), jnp.linspace(1, 2, 20), jnp.linspace(-1, 2, 9), 0.9)
    assert np.isnan(ends).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_nan(kind):
    replicates = jnp.linspace(-1, 2, 20).at[3].set(jnp.nan)
    assert np.isnan(KINDS[kind](jnp.array(0.0), replicates, jnp.linspace(-1, 2, 9), 0.9)).all()
