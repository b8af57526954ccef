"""Settings of losses: broadcast, masked, checked, differentiated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import x64_for

from bcejax import (
    asymmetric_loss,
    forward_corrected_loss,
    generalized_cross_entropy,
    logit_adjusted_loss,
    poly1_loss,
    sigmoid_focal_loss,
    symmetric_cross_entropy,
)
from bcejax.losses.settings import setting

SETTINGS = {
    sigmoid_focal_loss: {"gamma": 2.5, "alpha": 0.25},
    asymmetric_loss: {"gamma_pos": 1.5, "gamma_neg": 2.5},
    generalized_cross_entropy: {"q": 0.6},
    poly1_loss: {"epsilon": 1.5},
    symmetric_cross_entropy: {"alpha": 0.5, "beta": 1.5, "log_zero": -2.0},
    forward_corrected_loss: {"flip_positive": 0.3, "flip_negative": 0.1},
    logit_adjusted_loss: {"prior": 0.2, "tau": 1.5},
}
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


@pytest.mark.parametrize("loss", SETTINGS, ids=lambda loss: loss.__name__)
def test_derivatives_in_all_arguments(loss):
    """First and second, pure and mixed, against differences; one program for all."""
    x = np.array([-8, -2, -0.3, 0.7, 4, 15])
    places = tuple(range(2 + len(SETTINGS[loss])))

    def at(x, y, *values):
        return loss(x, y, **dict(zip(SETTINGS[loss], values, strict=True)))

    @jax.jit
    @jax.vmap
    def derivatives(point):
        gradient = jax.grad(at, places)
        return at(*point), gradient(*point), jax.jacfwd(gradient, places)(*point)

    values = [np.full(3 * x.size, each) for each in SETTINGS[loss].values()]
    points = np.array([np.tile(x, 3), np.repeat([0.001, 0.3, 0.999], x.size), *values])
    steps = 2.0**-17 * np.eye(len(points))[:, :, None]
    moved = np.concatenate([points[None], points + steps, points - steps])
    with x64_for(np.float64):
        value, gradient, hessian = derivatives(np.moveaxis(moved, 1, 2).reshape(-1, len(points)))
    for results, slopes in ((value, gradient), *zip(gradient, hessian, strict=True)):
        above, below = np.split(np.asarray(results).reshape(len(moved), -1)[1:], 2)
        got = np.array(slopes).reshape(len(points), len(moved), -1)[:, 0]
        np.testing.assert_allclose(got, (above - below) / 2.0**-16, rtol=1e-6, atol=1e-7)
