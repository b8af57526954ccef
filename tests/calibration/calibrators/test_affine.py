"""Affine scaling: optimal by its derivative, and scikit-learn's logistic regression."""

import jax
import numpy as np
import pytest
from calibration.calibrators.optimality import LABELS, LOGITS, SOFT, WEIGHTS, N, assert_optimal
from sklearn.linear_model import LogisticRegression

from bcejax.calibration.calibrators.affine import AffineScaling
from bcejax.calibration.calibrators.base import CalibratorStatus


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("labels", [LABELS, SOFT, 1 - LABELS], ids=["hard", "soft", "turned"])
def test_it_is_the_best(labels):
    fitted = AffineScaling.fit(labels, logits=LOGITS, weights=WEIGHTS)
    assert fitted.status == CalibratorStatus.CONVERGED
    params = [float(fitted.params[name]) for name in ("intercept", "slope")]
    assert_optimal([1.0, LOGITS], params, labels, WEIGHTS)


def test_it_is_scikit_learns_logistic_regression():
    peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    peer.fit(LOGITS[:, None], LABELS, sample_weight=WEIGHTS)
    fitted = AffineScaling.fit(LABELS, logits=LOGITS, weights=WEIGHTS)
    np.testing.assert_allclose(fitted.params["slope"], peer.coef_[0, 0], rtol=1e-6)
    np.testing.assert_allclose(fitted.params["intercept"], peer.intercept_[0], rtol=1e-6)


def test_labels_told_apart_are_said():
    fitted = AffineScaling.fit(LOGITS > 0.5, logits=LOGITS)
    assert fitted.status == CalibratorStatus.AT_BOUND
    assert fitted.params["slope"] > 10


def test_equal_scores_leave_the_slope_at_0_and_the_mean_right():
    fitted = AffineScaling.fit(LABELS, logits=np.full(N, 1.5))
    assert fitted.params["slope"] == 0
    np.testing.assert_allclose(fitted.probs(logits=np.array(1.5)), LABELS.mean(), rtol=1e-13)


@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
def test_equal_labels_leave_the_slope_at_0(label):
    """Else rounding chooses the side of an infinite score; those that do not count have no say."""
    labels, keep = np.append(np.full(N, label), 0.5), np.arange(N + 1) < N
    fitted = AffineScaling.fit(labels, logits=np.append(LOGITS, 9.0), where=keep)
    assert fitted.params["slope"] == 0
    assert fitted.status == CalibratorStatus[("CONVERGED" if label == 0.25 else "AT_BOUND")]
    np.testing.assert_allclose(fitted.probs(probs=np.array([0.0, 1.0])), label, atol=1e-15)
