"""Which bins: counts, cube roots, edges that are given, and what is none of these."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration import reliability_curve
from bcejax.calibration.binning.rules import bin_rule, cube_root


def test_cube_roots_are_exact():
    for k in range(1, 300):
        assert (cube_root(k**3), cube_root(k**3 + 1)) == (k, k + 1)
    assert cube_root(1e-9) == 1


def test_bins_by_the_cube_root_count_copies():
    y, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.6, 0.7, 0.9])
    copies = np.repeat(np.arange(4), [5, 0, 20, 3])
    one = reliability_curve(y, probs=p, weights=[5, 0, 20, 3], bins="cube_root", strategy="mass")
    other = reliability_curve(y[copies], probs=p[copies], bins="cube_root", strategy="mass")
    assert len(one.weights) == 4  # 28 <= 4^3
    for name in ("edges", "weights", "mean_label", "gap"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5)


@pytest.mark.parametrize(("strategy", "scores"), [("width", "logits"), ("mass", "probs")])
def test_bins_by_the_cube_root_of_traced_weights(strategy, scores):
    """30 examples have room for 4 bins; 8 that count take 2 of them, in the same places."""
    rng = np.random.default_rng(0)
    given = {scores: rng.random(30).astype(np.float32)}
    y, where = rng.random(30) < 0.5, np.arange(30) < 8

    def curve(where, **options):
        return reliability_curve(y, **given, where=where, strategy=strategy, **options)

    compiled = jax.jit(lambda where: curve(where, bins="cube_root"))
    traced = compiled(where)
    assert traced.counts.shape == (4,)
    for field, want in zip(traced, curve(where, bins=2), strict=True):
        np.testing.assert_array_equal(field[: len(want)], want)
    np.testing.assert_array_equal(traced.counts[2:], [0, 0])
    np.testing.assert_array_equal(traced.edges[2:], [1, 1, 1])
    full = compiled(where | True)
    for field, want in zip(full, curve(where | True, bins="cube_root"), strict=True):
        np.testing.assert_array_equal(field, want)


def test_weights_too_heavy_to_be_counts():
    with pytest.raises(ValueError, match=r"the weights add up to more than 1e\+06\^3; 'cube_root'"):
        reliability_curve([1, 0], probs=[0.5, 0.5], weights=[1e30, 1], bins="cube_root")


@pytest.mark.parametrize(
    "edges", [[0, 0.5, 1], (0.0, 0.5, 1.0), np.float32([0, 0.5, 1]), jnp.array([0, 0.5, 1])]
)
def test_edges_of_any_kind(edges):
    assert bin_rule(edges).bins == (0, 0.5, 1)
    hash(bin_rule(edges))


@pytest.mark.parametrize(
    ("bins", "strategy", "error", "message"),
    [
        (0, "width", ValueError, "bins is 0; there must be 1 or more"),
        (None, "width", TypeError, "bins is None; it must be an integer, 'cube_root' or edges"),
        (2.5, "mass", TypeError, "bins is 2.5; it must be an integer, 'cube_root' or edges"),
        ("sqrt", "width", TypeError, "bins is 'sqrt'; it must be an integer, 'cube_root' or"),
        ([0, 0.5, 1], "mass", ValueError, "bins gives edges and strategy is 'mass', which"),
        ([0, 0.5], "width", ValueError, "bins gives edges that do not ascend from 0 to 1"),
        ([0.1, 1], "width", ValueError, "bins gives edges that do not ascend from 0 to 1"),
        ([0, 0.6, 0.5, 1], "width", ValueError, "bins gives edges that do not ascend from 0"),
        ([0, np.nan, 1], "width", ValueError, "bins gives edges that do not ascend from 0"),
        ([[0, 1]], "width", ValueError, r"bins has shape \(1, 2\); edges are two or more numbers"),
        ([0], "width", ValueError, r"bins has shape \(1,\); edges are two or more numbers"),
        (10, "quantile", ValueError, "strategy 'quantile' is not one of 'width', 'mass'"),
    ],
)
def test_bad_rules(bins, strategy, error, message):
    with pytest.raises(error, match=message):
        bin_rule(bins, strategy)
