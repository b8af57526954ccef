"""The calibrators, by name."""

from typing import Any, NamedTuple

import numpy as np

from bcejax.calibration import CALIBRATORS, Calibrator, IsotonicCalibration
from bcejax.data import split_rows

RAW, ISOTONIC, PLAIN = "none", "isotonic", "isotonic, unsmoothed"
PARAMETRIC = ("temperature", "platt", "affine", "beta")  # few numbers; strictly increasing maps


class Unseen(NamedTuple):
    """Judgements of examples that the network was not trained on."""

    labels: np.ndarray  # (n,)
    logits: np.ndarray  # (n,)


class Candidate(NamedTuple):
    """What to fit, and how."""

    calibrator: type[Calibrator]
    options: dict[str, Any]

    def fit(self, unseen: Unseen, weights: np.ndarray | None = None) -> Calibrator:
        """The map that fits best."""
        labels, logits = unseen
        return self.calibrator.fit(labels, logits=logits, weights=weights, **self.options)

    def cross_fit(self, unseen: Unseen, folds: int, seed: int) -> np.ndarray:
        """Logits (n,), each through the map that fits the other folds."""
        fitted = np.empty_like(unseen.logits)
        for rows in split_rows(unseen.labels, [1 / folds] * folds, seed=seed):
            others = np.ones_like(unseen.labels)  # 0 or 1, so that all folds share one program
            others[rows] = 0
            fitted[rows] = np.asarray(self.fit(unseen, others)(unseen.logits))[rows]
        return fitted


CANDIDATES: dict[str, Candidate] = {
    **{name: Candidate(calibrator, {}) for name, calibrator in CALIBRATORS.items()},
    PLAIN: Candidate(IsotonicCalibration, {"smoothing": 0.0}),
}
