"""Temperature: optimal by its derivative, equal to scikit-learn's, right at both bounds."""

import jax
import numpy as np
import pytest
from calibration.calibrators.optimality import LABELS, LOGITS, SOFT, WEIGHTS, N, assert_optimal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.calibrators.temperature import TemperatureScaling


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("labels", [LABELS, SOFT], ids=["hard", "soft"])
def test_it_is_the_best(labels):
    fitted = TemperatureScaling.fit(labels, logits=LOGITS, weights=WEIGHTS)
    if fitted.status == CalibratorStatus.CONVERGED:
        assert_optimal([LOGITS], [float(fitted.params["inverse_temperature"])], labels, WEIGHTS)
    np.testing.assert_allclose(1 / fitted.temperature, fitted.params["inverse_temperature"])
    assert TemperatureScaling.fit(LABELS, logits=LOGITS).status == CalibratorStatus.CONVERGED


def test_it_is_scikit_learns_from_logits_but_for_its_factor():
    """Its beta_ of a decision function is 1 / (2 T), since it takes (-x, x) as two classes."""
    model = LogisticRegression(C=1e10).fit(LOGITS[:, None], LABELS)
    model.coef_[:], model.intercept_[:] = 1, 0
    peer = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    peer.fit(LOGITS[:, None], LABELS)
    beta = peer.calibrated_classifiers_[0].calibrators[0].beta_
    fitted = TemperatureScaling.fit(LABELS, logits=LOGITS)
    ratio = beta / float(fitted.params["inverse_temperature"])
    assert min(abs(ratio - 1), abs(ratio - 0.5)) < 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_worse_than_chance_are_thrown_away(dtype):
    fitted = TemperatureScaling.fit(LOGITS < 0, logits=LOGITS.astype(dtype))
    assert fitted.params["inverse_temperature"] == 0
    assert fitted.temperature == np.inf
    assert fitted.status == CalibratorStatus.AT_BOUND
    np.testing.assert_array_equal(fitted(np.array([-np.inf, 3.0, np.inf])), 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_told_apart_leave_no_finite_temperature(dtype):
    fitted = TemperatureScaling.fit(LOGITS > 0, logits=LOGITS.astype(dtype))
    assert fitted.status == CalibratorStatus.AT_BOUND
    assert 10 < fitted.params["inverse_temperature"] < np.inf


def test_scores_of_0_teach_nothing():
    fitted = TemperatureScaling.fit(LABELS, logits=np.zeros(N))
    np.testing.assert_array_equal(fitted(np.zeros(2)), 0)
