"""Precision goes along to another thread."""

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import pytest

from bcejax.calibration.threads import as_here


@pytest.mark.parametrize("wide", [False, True])
def test_the_other_thread_computes_in_the_precision_of_this_one(wide):
    def dtype_of(fill, *, times):
        return jnp.full(times, fill).dtype

    with ThreadPoolExecutor(1) as beside:
        with jax.enable_x64(wide):
            taken = as_here(dtype_of)
        with jax.enable_x64(not wide):  # that of the moment it was taken counts
            found = beside.submit(taken, 1.5, times=2).result()
    assert found == ("float64" if wide else "float32")
