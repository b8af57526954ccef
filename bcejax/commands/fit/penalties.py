"""The penalty that does best on rows left out.

The rows are parted into folds, each class by itself.  For each penalty a fit to all folds but one
is judged by the mean log loss of that one; the least mean of these losses over the folds wins, and
their standard deviation over the root of their number says how sure it is.
"""

import numpy as np

from bcejax.commands.fit.results import Search
from bcejax.commands.fit.rows import Rows
from bcejax.data import split_rows
from bcejax.solvers import fit_logistic

L2 = np.logspace(1, -6, 29)  # of a mean loss and standardised columns: from all to hardly any


def search_penalty(rows: Rows, *, folds: int, seed: int) -> tuple[float, Search]:
    """The l2 of least cross-validated log loss, and all that were tried.

    Args:
        rows: to learn from, columns on one scale.
        folds: how many, >= 2.
        seed: of the parting.

    Raises:
        ValueError: a fold would hold no row of a class.
    """
    parts = split_rows(rows.labels, [1 / folds] * folds, seed=seed)
    losses = np.array([_losses(rows, part) for part in parts])
    search = Search(L2, losses.mean(axis=0), losses.std(axis=0, ddof=1) / np.sqrt(folds))
    return float(L2[np.argmin(search.loss)]), search


def _losses(rows: Rows, part: np.ndarray) -> list[float]:
    """Mean log loss of a part that was left out, by each penalty."""
    weights = np.ones(rows.labels.size) if rows.weights is None else rows.weights
    others = np.where(np.isin(np.arange(rows.labels.size), part), 0, weights)
    signs = 1 - 2 * rows.labels[part]
    losses, fit = [], None
    for l2 in L2:
        fit = fit_logistic(rows.inputs, rows.labels, weights=others, l2=l2, init=fit)
        logits = rows.inputs[part] @ fit.coefficients + fit.intercept
        losses.append(np.average(np.logaddexp(0, signs * logits), weights=weights[part]))
    return losses
