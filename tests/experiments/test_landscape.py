import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.landscape import findings, linear, network
from experiments.landscape.linear import CROSS_ENTROPY, SQUARED, Descents, Terrain
from experiments.landscape.network import Parts, Ritz, Spectrum


@pytest.fixture(scope="module")
def matrix():
    """Symmetric, with an eigenvalue that comes three times and negative ones."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    values = np.r_[-2.0, -0.5, 1.0, 1.0, 1.0, np.linspace(2, 9, 7)]
    return (vectors * values) @ vectors.T


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_lanczos_gives_the_ends_and_the_moments_of_the_density(matrix):
    rng = np.random.default_rng(1)
    probes = rng.standard_normal((2, 12))
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    with jax.enable_x64(True):
        steps = jax.jit(lambda p: network.lanczos(lambda v: jnp.asarray(matrix) @ v, p, 6))
        ritz = network.ritz_of(*steps(probes))
    assert -2 - 1e-12 <= ritz.ends[0] < -1.5
    assert 8.9 < ritz.ends[1] <= 9 + 1e-12
    for moment in range(11):  # a quadrature of 6 nodes is exact up to degree 11
        exact = np.einsum("pi,ij,pj->p", probes, np.linalg.matrix_power(matrix, moment), probes)
        found = np.sum(ritz.weights * ritz.values**moment, axis=1)
        np.testing.assert_allclose(found, exact, rtol=1e-11)


def test_squared_error_turns_at_a_third():
    with jax.enable_x64(True):
        turn = linear._inflection()
    np.testing.assert_allclose(1 / (1 + np.exp(-turn)), 1 / 3, rtol=1e-15)


def terrain_with(lowest=1e-3, bent=-0.5, stuck=0.5, far=0.0):
    ends = np.array([1.0, 1.0 + far])
    places = np.array([bent, bent])
    return Terrain(
        {(CROSS_ENTROPY, 1.0): np.array([lowest]), (SQUARED, 1.0): places},
        {
            CROSS_ENTROPY: Descents(np.vstack([ends + 1, ends]), np.array([0, 9])),
            SQUARED: Descents(np.array([[3.0, 3.0], [1.0, 1.0 + stuck]]), np.array([0, 9])),
        },
        -np.log(2),
    )


def spectra_with(first=-0.3, last=-0.1, gauss_newton=0.0, off=0.0, found=None):
    def one(epoch, low):
        whole = np.array([low, 0.5, 1.0])
        parts = Parts(whole, np.array([gauss_newton, 0.2, 1.0]), whole, off)
        ends = whole if found is None else np.array([found, 0.5, 1.0])
        return Spectrum("pima", 4, epoch, 0.5, Ritz(ends[None], np.full((1, 3), 1 / 3)), parts)

    return [one(0, first), one(50, last)]


@pytest.mark.parametrize(
    ("terrain", "spectra", "failing"),
    [
        ({}, {}, ""),
        ({"lowest": -1e-6}, {}, "cross-entropy: smallest eigenvalue"),
        ({"bent": 0.2}, {}, "share of places"),
        ({"stuck": 0.05}, {}, "share of descents"),
        ({"far": 1e-3}, {}, "the worst end"),
        ({}, {"first": 0.1}, "that learn"),
        ({}, {"last": 0.1}, "after 50 epochs"),
        ({}, {"gauss_newton": -1e-3}, "eigenvalue of G"),
        ({}, {"off": 1e-3}, "H off G + R"),
        ({}, {"found": -0.299}, "by Lanczos"),
    ],
)
def test_claims_follow_what_was_found(terrain, spectra, failing):
    claims = findings.claims_of(terrain_with(**terrain), spectra_with(**spectra))
    failed = [claim.text for claim in claims if not claim.holds]
    assert len(failed) == bool(failing)
    assert all(failing in text for text in failed)
