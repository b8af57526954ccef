"""Settings of losses: broadcast, masked, checked."""

import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.losses.arguments import elementwise
from bcejax.losses.settings import setting

X, KEEP = np.ones((3, 2), np.float32), np.array([[True], [False], [True]])
PLAIN = elementwise(X, X, name="logits")
MASKED = elementwise(X, X, name="logits", where=KEEP)


def test_a_number_stays_one():
    got = setting(2, "gamma", PLAIN)
    assert got.shape == ()
    assert got.dtype == np.float32


def test_arrays_broadcast():
    got = setting(np.float64([1, 2]), "gamma", PLAIN)
    np.testing.assert_array_equal(got, [[1, 2]] * 3)
    assert got.dtype == np.float32
    with pytest.raises(ValueError, match="gamma has shape"):
        setting(jnp.ones(3), "gamma", PLAIN)


def test_what_is_masked_is_hidden():
    got = setting(np.float32([[1], [np.nan], [3]]), "gamma", MASKED, stand_in=0.5)
    np.testing.assert_array_equal(got, [[1, 1], [0.5, 0.5], [3, 3]])


def test_out_of_range():
    with pytest.raises(ValueError, match=r"gamma lies in \[0, 1\], got 2"):
        setting(2, "gamma", PLAIN, high=1.0)
    with pytest.raises(TypeError, match="gamma must be real"):
        setting(1j, "gamma", PLAIN)
    got = setting(np.float32([-1, np.nan]), "gamma", PLAIN)
    assert np.isnan(got).all()


def test_ends_of_the_range_are_in_it():
    assert [setting(end, "gamma", PLAIN, low=-1.0, high=2.0) for end in (-1, 2)] == [-1, 2]
    with pytest.raises(ValueError, match=r"gamma lies in \[0, inf\], got -0.5"):
        setting(-0.5, "gamma", PLAIN)
    np.testing.assert_array_equal(setting(3.0, "gamma", MASKED)[1], [0, 0])
