"""Settings of losses: broadcast, masked, checked."""

import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.losses.settings import setting

X, KEEP = jnp.ones((3, 2)), jnp.array([[True], [False], [True]])


def ready(value, *, keep=None, **options):
    return setting(value, "gamma", X.shape, **options).ready(X, keep)


def test_a_number_stays_one():
    got = ready(2)
    assert got.shape == ()
    assert got.dtype == X.dtype


def test_arrays_broadcast():
    got = ready(np.float64([1, 2]))
    np.testing.assert_array_equal(got, [[1, 2]] * 3)
    assert got.dtype == X.dtype
    with pytest.raises(ValueError, match="gamma has shape"):
        ready(jnp.ones(3))


def test_what_is_masked_is_hidden():
    got = ready(np.float32([[1], [np.nan], [3]]), keep=KEEP, stand_in=0.5)
    np.testing.assert_array_equal(got, [[1, 1], [0.5, 0.5], [3, 3]])


def test_out_of_range():
    with pytest.raises(ValueError, match=r"gamma lies in \[0, 1\], got 2"):
        ready(2, high=1.0)
    with pytest.raises(TypeError, match="gamma must be real"):
        ready(1j)
    assert np.isnan(ready(np.float32([-1, np.nan]))).all()


def test_ends_of_the_range_are_in_it():
    assert [ready(end, low=-1.0, high=2.0) for end in (-1, 2)] == [-1, 2]
    with pytest.raises(ValueError, match=r"gamma lies in \[0, inf\], got -0.5"):
        ready(-0.5)
    np.testing.assert_array_equal(ready(3.0, keep=KEEP)[1, 0], 0)
