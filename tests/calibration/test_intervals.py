"""Intervals of a share against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

from bcejax.calibration.intervals import wilson_interval


@pytest.mark.parametrize("trials", [1, 7, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_interval_agrees_with_scipy(trials, confidence):
    with jax.enable_x64(True):
        for hits in {0, 1, trials // 2, trials}:
            want = binomtest(hits, trials).proportion_ci(confidence, method="wilson")
            got = wilson_interval(jnp.array(hits / trials), jnp.array(1.0 * trials), confidence)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)
