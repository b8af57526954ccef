"""The search for a penalty, against a loop over scikit-learn's fits to the rows that are left."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from bcejax.commands.fit import penalties
from bcejax.commands.fit.rows import Rows
from bcejax.data import split_rows

RNG = np.random.default_rng(2)
INPUTS = RNG.normal(size=(120, 3))
LABELS = (RNG.random(120) < 1 / (1 + np.exp(-2 * INPUTS[:, 0]))).astype(float)
WEIGHTS = RNG.integers(0, 3, size=120).astype(float)


def test_losses_are_those_of_fits_that_have_not_seen_the_rows(monkeypatch):
    grid = np.array([3.0, 0.01, 1e-4])
    monkeypatch.setattr(penalties, "L2", grid)
    rows = Rows(("a", "b", "c"), INPUTS, LABELS, WEIGHTS)
    best, search = penalties.search_penalty(rows, folds=4, seed=1)
    losses = np.empty((4, 3))
    for i, part in enumerate(split_rows(LABELS, [0.25] * 4, seed=1)):
        rest = np.setdiff1d(np.arange(120), part)
        for j, l2 in enumerate(grid):
            model = LogisticRegression(C=1 / (l2 * WEIGHTS[rest].sum()), tol=1e-10)
            model.fit(INPUTS[rest], LABELS[rest], WEIGHTS[rest])
            probs = model.predict_proba(INPUTS[part])
            losses[i, j] = log_loss(LABELS[part], probs, sample_weight=WEIGHTS[part])
    np.testing.assert_allclose(search.loss, losses.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(search.error, losses.std(axis=0, ddof=1) / 2, rtol=1e-6)
    assert best == grid[losses.mean(axis=0).argmin()]
