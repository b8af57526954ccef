"""Platt scaling: optimal for its smoothed targets, and scikit-learn's."""

import jax
import numpy as np
import pytest
from calibration.calibrators.optimality import LABELS, LOGITS, WEIGHTS, N, assert_optimal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.calibrators.platt import PlattScaling


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def targets(labels, weights):
    positive, negative = weights @ labels, weights @ (1 - labels)
    return np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))


@pytest.mark.parametrize("labels", [LABELS, LOGITS > 0.5], ids=["mixed", "told apart"])
def test_it_is_the_best_for_the_targets(labels):
    labels = np.asarray(labels, float)
    fitted = PlattScaling.fit(labels, logits=LOGITS, weights=WEIGHTS)
    assert fitted.status == CalibratorStatus.CONVERGED
    params = [float(fitted.params[name]) for name in ("intercept", "slope")]
    assert_optimal([1.0, LOGITS], params, targets(labels, WEIGHTS), WEIGHTS)


def test_one_class_makes_a_constant():
    fitted = PlattScaling.fit(np.ones(N), logits=LOGITS, weights=WEIGHTS)
    share = (WEIGHTS.sum() + 1) / (WEIGHTS.sum() + 2)
    np.testing.assert_allclose(fitted.probs(logits=LOGITS), share, rtol=1e-14)
    assert fitted.params["slope"] == 0
    np.testing.assert_allclose(fitted.probs(probs=np.array([0.0, 1.0])), share, rtol=1e-14)


def test_it_is_scikit_learns():
    model = LogisticRegression(C=1e10).fit(LOGITS[:, None], LABELS)
    model.coef_[:], model.intercept_[:] = 1, 0
    peer = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid")
    x, y = (np.repeat(each, WEIGHTS.astype(int)) for each in (LOGITS, LABELS))
    peer.fit(x[:, None], y)
    theirs = peer.calibrated_classifiers_[0].calibrators[0]
    fitted = PlattScaling.fit(LABELS, logits=LOGITS, weights=WEIGHTS)
    np.testing.assert_allclose(fitted.params["slope"], -theirs.a_, rtol=1e-4)
    np.testing.assert_allclose(fitted.params["intercept"], -theirs.b_, rtol=1e-4)


def test_huge_scores_do_no_harm():
    """scikit-learn 26766."""
    small, huge = (PlattScaling.fit(LABELS, logits=scale * LOGITS) for scale in (1.0, 1e6))
    np.testing.assert_allclose(huge.params["slope"] * 1e6, small.params["slope"], rtol=1e-12)
