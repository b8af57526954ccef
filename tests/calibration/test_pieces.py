"""Sums of many examples by pieces, against the whole and against NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax.calibration import expected_calibration_error
from bcejax.calibration.pieces import PIECE, sum_of_pieces

N = 2 * PIECE + 3  # four pieces, of which the last begins before the third ends


def count(labels, scores, weights, mask):
    """Exact sums of whole numbers, so that an example taken twice or never shows."""
    present = jnp.ones(labels.shape, bool) if mask is None else mask
    each = scores if weights is None else weights * scores
    return {"sum": jnp.sum(jnp.where(present, each, 0)), "labels": jnp.sum(labels * present)}


@pytest.mark.parametrize(
    ("shape", "weighted", "masked"), [((N,), False, False), ((3, N // 3), True, True)]
)
def test_every_example_is_taken_once(shape, weighted, masked):
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, shape), rng.integers(0, 9, shape).astype(np.int32)
    mask = rng.random(shape) < 0.5 if masked else None
    weights = rng.integers(0, 3, shape[-1]).astype(np.int32) if weighted else None
    found = jax.jit(functools.partial(sum_of_pieces, count))(labels, scores, weights, mask)
    present = True if mask is None else mask
    assert found["sum"] == (scores * (1 if weights is None else weights) * present).sum()
    assert found["labels"] == (labels * present).sum()


@jax.jit
@functools.partial(jax.value_and_grad, argnums=1)
def error(labels, probs, weights):
    return expected_calibration_error(labels, probs=probs, weights=weights)


def test_error_and_gradient_of_many_are_those_of_brute_force():
    rng = np.random.default_rng(1)
    p, w = rng.random(N, np.float32), rng.integers(0, 3, N).astype(np.float32)
    y = (rng.random(N) < p**2).astype(np.float32)
    value, gradient = error(y, p, w)
    bins = np.searchsorted((np.arange(1, 15) / 15).astype(np.float32), p, side="right")
    sums = np.bincount(bins, w * (y.astype(float) - p))
    np.testing.assert_allclose(value, np.abs(sums).sum() / w.sum(), rtol=1e-5)
    np.testing.assert_allclose(gradient, -w * np.sign(sums)[bins] / w.sum(), rtol=1e-5)


def test_a_bad_value_in_any_piece_is_found():
    p, y = np.full(N, 0.5, np.float32), np.zeros(N, np.float32)
    for row in (0, PIECE, N - 1):
        y[row] = 85
        with pytest.raises(ValueError, match="85"):
            expected_calibration_error(y, probs=p)
        y[row] = 0
