"""Cells of neighbours against the examples in them."""

import jax
import numpy as np
import pytest

from bcejax.calibration.cells import CELLS, MANY, cell_size, in_cells
from bcejax.calibration.examples import as_examples
from bcejax.calibration.inference import consistency
from bcejax.calibration.scores import brier_score

RNG = np.random.default_rng(2)
PROBS = np.repeat(np.linspace(0.05, 0.95, 10), 40).astype(np.float32)
LABELS = (RNG.random(400) < PROBS).astype(np.float32)


@pytest.mark.parametrize("n", [1, MANY, MANY + 1, 10**6, 3 * 10**7])
def test_there_are_never_more_cells_than_room(n):
    size = cell_size(n)
    assert size == 1 or -(-n // size) <= CELLS


@pytest.mark.parametrize("size", [1, 7, 40])
def test_cells_hold_the_labels_and_keep_the_residuals(size):
    examples = as_examples(LABELS, probs=np.sort(RNG.random(400)).astype(np.float32))
    weights = RNG.integers(0, 3, 400).astype(np.float32)
    cells = jax.jit(in_cells, static_argnums=3)(examples, examples.labels, weights, size)
    ones, zeros = np.split(np.asarray(cells.weights), 2)
    starts = np.arange(0, 400, size)
    np.testing.assert_array_equal(ones, np.add.reduceat(weights * LABELS, starts))
    np.testing.assert_array_equal(ones + zeros, np.add.reduceat(weights, starts))
    means = np.add.reduceat(np.asarray(examples.probs, float), starts) / np.diff(
        np.append(starts, 400)
    )
    np.testing.assert_allclose(cells.probabilities()[: len(starts)], means, rtol=1e-5)


def test_what_fills_cells_with_ties_is_measured_as_it_is():
    examples = as_examples(LABELS, probs=PROBS)
    cells = jax.jit(in_cells, static_argnums=3)(examples, examples.labels, examples.weights, 8)
    assert len(np.unique(cells.logits)) == 10
    in_all = brier_score(LABELS, probs=PROBS)
    np.testing.assert_allclose(cells.measured(brier_score), in_all, rtol=1e-5)


def test_a_cell_lies_between_its_ends():
    """Where every probability of a cell rounds to 0 or 1 in float32 too."""
    logits = np.float32([-120, -115, -112, -110, 100, 130, 140, np.inf])
    examples = as_examples(np.ones(8, np.float32), logits=logits)
    cells = jax.jit(in_cells, static_argnums=3)(examples, examples.labels, examples.weights, 4)
    below, above = cells.logits[:2]
    assert -120 <= below <= -110
    assert above >= 100


def test_a_band_of_cells_inside_ties_is_that_of_the_examples(monkeypatch):
    given = {"probs": PROBS, "key": jax.random.key(0), "n_simulations": 20}
    plain = consistency.consistency_band(LABELS, **given, points=400)
    monkeypatch.setattr(consistency, "cell_size", lambda n: 8)
    consistency._curves.clear_cache()
    consistency._band.clear_cache()
    cells = consistency.consistency_band(LABELS, **given, points=400)
    for ours, theirs in zip(cells, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
