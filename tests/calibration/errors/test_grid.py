"""The grid: what it keeps of many examples, and its Gaussian against images summed by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration.binning import sums_by_bin
from bcejax.calibration.errors.grid import (
    coarser,
    cosines,
    density,
    gaussian_factors,
    integral,
    locate,
    on_nodes,
)

_on_nodes = jax.jit(on_nodes, static_argnums=2)
rng = np.random.default_rng(0)
PROBS = np.concatenate([[0, 1, 0.5, 0.25], rng.random(200)]).astype(np.float32)
VALUES = rng.standard_normal(204).astype(np.float32)


@pytest.mark.parametrize("cells", [1, 7])
def test_shares_keep_the_total_and_the_centre(cells):
    nodes = np.float64(_on_nodes(VALUES, PROBS, cells))
    assert nodes.shape == (cells + 1,)
    np.testing.assert_allclose(nodes.sum(), VALUES.sum(dtype=float), atol=1e-5)
    centre = nodes @ np.linspace(0, 1, cells + 1)
    np.testing.assert_allclose(centre, np.float64(VALUES) @ PROBS, atol=1e-5)


def test_shares_are_linear_interpolation():
    want = np.zeros(8)
    for prob, value in zip(np.float64(PROBS), VALUES, strict=True):
        want += value * np.maximum(1 - np.abs(7 * prob - np.arange(8)), 0)
    np.testing.assert_allclose(_on_nodes(VALUES, PROBS, 7), want, atol=1e-5)


def test_certain_probabilities_lie_at_the_ends():
    cell, offset = locate(jnp.array([0.0, 1.0]), 4096)
    assert cell.tolist() == [0, 4095]
    assert offset.tolist() == [0, 1]


def test_wider_cells_hold_what_they_would_have_held():
    np.testing.assert_allclose(
        coarser(_on_nodes(VALUES, PROBS, 64), 8), _on_nodes(VALUES, PROBS, 8), atol=2e-6
    )


@pytest.mark.parametrize(("n", "cells"), [(1, 2), (1000, 512), (100_000, 2)])
def test_sums_of_cells_are_within_their_bound(n, cells):
    """All in one cell, where a plain sum is worst."""
    values = np.full(n, 0.1, np.float32)
    sums = jax.jit(sums_by_bin, static_argnums=2)
    got = np.float64(sums(values, np.full(n, cells - 1, np.int32), cells))
    bound = (max(n**0.5, min(n, cells)) + n**0.5 + 2) * np.finfo(np.float32).eps
    assert abs(got[-1] / values.sum(dtype=float) - 1) <= bound
    assert not got[:-1].any()


@pytest.mark.parametrize("bandwidth", [0.02, 0.3, 2.0])
def test_the_gaussian_is_reflected_at_both_ends(bandwidth):
    """Masses on nodes, the ends among them, against all images that reach."""
    cells = 128
    masses = np.zeros(cells + 1, np.float32)
    masses[[0, 5, 32, cells]] = 1, -2, 3, 0.5
    nodes = np.linspace(0, 1, cells + 1)
    want = np.zeros(cells + 1)
    for place, mass in zip(nodes, masses, strict=True):
        for image in (2 * k + sign * place for k in range(-12, 13) for sign in (1, -1)):
            want += mass * np.exp(-0.5 * ((nodes - image) / bandwidth) ** 2)
    want /= bandwidth * np.sqrt(2 * np.pi)
    got = _smoothed(masses, np.float32(bandwidth))
    np.testing.assert_allclose(got, want, atol=2e-5 * np.abs(want).max())
    np.testing.assert_allclose(integral(got), masses.sum(), rtol=1e-5)


@jax.jit
def _smoothed(masses, bandwidth):
    return density(cosines(masses) * gaussian_factors(bandwidth, len(masses) - 1))


def test_offsets_have_the_derivative_of_shares():
    probs = jnp.array([0.3, 0.55])
    gradient = jax.grad(lambda p: on_nodes(jnp.ones(2), p, 4) @ jnp.arange(5.0) ** 2)
    gradient = jax.jit(gradient)(probs)
    np.testing.assert_allclose(gradient, [4 * (2**2 - 1), 4 * (3**2 - 2**2)])
