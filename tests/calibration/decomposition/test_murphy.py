"""Murphy's decomposition against loops in float64, and its identity."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.calibration.decomposition import murphy_decomposition
from bcejax.calibration.scores import brier_score


def total(parts):
    return (
        parts.reliability - parts.resolution + parts.uncertainty
        + parts.within_bin_variance - parts.within_bin_covariance
    )  # fmt: skip


def brute_force(y, p, w, bins, debias):
    """Of copies, bin by bin."""
    copies = np.repeat(np.arange(len(y)), w.astype(int))
    y, p = y[copies].astype(float), p[copies].astype(float)
    n, index = len(y), np.minimum((p * bins).astype(int), bins - 1)
    rel = res = wbv = wbc = move = 0.0
    for b in set(index):
        yb, pb = y[index == b], p[index == b]
        m = len(yb)
        rel += m / n * (yb.mean() - pb.mean()) ** 2
        res += m / n * (yb.mean() - y.mean()) ** 2
        wbv += np.sum((pb - pb.mean()) ** 2) / n
        wbc += 2 * np.sum((pb - pb.mean()) * (yb - yb.mean())) / n
        if m > 1:
            move += m / n * yb.var() / (m - 1)
    unc, whole = y.var(), y.var() / (n - 1) if n > 1 else 0.0
    if debias:
        rel, res, unc = rel - move, res - move + whole, unc + whole
    return [np.mean((y - p) ** 2), rel, res, unc, wbv, wbc]


@pytest.mark.parametrize("debias", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_agrees_with_a_loop(dtype, debias, kind):
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, 300).astype(dtype)
    y = (rng.random(300) < p**1.5) if kind == "hard" else np.round(p**1.5, 2)
    y, w = y.astype(dtype), rng.integers(0, 4, 300).astype(dtype)
    with jax.enable_x64(dtype == np.float64):
        parts = murphy_decomposition(y, probs=p, weights=w, bins=8, debias=debias)
        assert all(part.dtype == dtype for part in parts)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(parts, brute_force(y, p, w, 8, debias), rtol=0, atol=8 * eps)
    assert abs(float(total(parts)) - float(parts.score)) <= 8 * eps


pairs = st.tuples(
    st.sampled_from([0.0, 1.0, 1.0, 0.25]), st.floats(0, 1, width=32), st.integers(0, 3)
)


@jax.jit
def plain(y, p, w):
    return murphy_decomposition(y, probs=p, weights=w, bins=4)


@jax.jit
def debiased(y, p, w):
    return murphy_decomposition(y, probs=p, weights=w, bins=4, strategy="mass", debias=True)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(pairs, min_size=10, max_size=10),
    st.booleans(),
)
def test_the_identity_holds(examples, debias):
    y, p, w = (np.array(each, np.float32) for each in zip(*examples, strict=True))
    if not w.any():
        return
    parts = debiased(y, p, w) if debias else plain(y, p, w)
    assert abs(float(total(parts)) - float(parts.score)) <= 8 * 2**-23
    np.testing.assert_allclose(parts.score, brier_score(y, probs=p, weights=w), atol=2**-21)


@jax.jit
def in_three_bins(labels, p):
    return jax.vmap(lambda y: murphy_decomposition(y, probs=p, bins=3, debias=True))(labels)


def expected(p, truth):
    """Debiased terms in three bins, averaged over all labels."""
    labels = np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    chance = np.prod(np.where(labels == 1, truth, 1 - truth), axis=1)
    with jax.enable_x64(True):
        parts = in_three_bins(labels, p)
    return [chance @ np.asarray(part) for part in parts]


P = np.repeat([0.1, 0.4, 0.8], 3)


def test_debiased_reliability_is_unbiased():
    """Where p and the truth are constant in each bin."""
    truth = np.repeat([0.3, 0.4, 0.9], 3)
    np.testing.assert_allclose(expected(P, truth)[1], np.mean((truth - P) ** 2), rtol=1e-12)


def test_debiased_uncertainty_and_resolution_are_unbiased_where_there_is_no_resolution():
    _, _, resolution, uncertainty, *_ = expected(P, np.full(9, 0.3))
    np.testing.assert_allclose(uncertainty, 0.3 * 0.7, rtol=1e-12)
    assert abs(resolution) < 1e-12


def test_one_number_per_bin_has_no_within_bin_terms():
    parts = murphy_decomposition([0, 1, 1, 0], probs=[0.25, 0.25, 0.75, 0.75], bins=2)
    assert parts.within_bin_variance == parts.within_bin_covariance == 0


@pytest.mark.parametrize("decompose", [plain, debiased])
def test_one_example(decompose):
    alone = np.eye(10, dtype=np.float32)[3]
    parts = decompose(np.ones_like(alone), np.full_like(alone, 0.25), alone)
    np.testing.assert_allclose(parts, [0.5625, 0.5625, 0, 0, 0, 0])


def test_certain_logits():
    parts = murphy_decomposition([1, 0, 1], logits=[np.inf, -np.inf, -np.inf], bins=2)
    np.testing.assert_allclose(parts.score, 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(total(parts), 1 / 3, rtol=1e-6)
