"""Beta calibration: optimal under its signs in each variant, never decreasing."""

import itertools

import jax
import numpy as np
import pytest
from calibration.calibrators.optimality import LABELS, LOGITS, SOFT, WEIGHTS, assert_optimal

from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.calibrators.beta import BetaCalibration
from bcejax.calibration.calibrators.temperature import TemperatureScaling

LOG_P, LOG_Q = -np.logaddexp(0, -LOGITS), -np.logaddexp(0, LOGITS)
COLUMNS = {
    "abm": [LOG_P, -LOG_Q, 1.0],
    "am": [LOG_P - LOG_Q, 1.0],
    "ab": [LOG_P + np.log(2), -LOG_Q - np.log(2)],
    "a": [LOG_P - LOG_Q],
}
TARGETS = {
    "labels": LABELS,
    "turned": 1 - LABELS,
    "soft": SOFT,
    "only low scores tell": np.where(LOGITS < 0, LABELS, np.arange(len(LOGITS)) % 2),
    "only high scores tell": np.where(LOGITS > 0, LABELS, np.arange(len(LOGITS)) % 2),
    "high scores turned": np.where(LOGITS > 1, 0.5 - 0.04 * LOGITS, 1 / (1 + np.exp(-LOGITS))),
    "low scores turned": np.where(LOGITS < 1, 0.6 - 0.08 * LOGITS, 1 / (1 + np.exp(-LOGITS))),
}


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def fit(labels, logits=LOGITS, weights=WEIGHTS, kind=BetaCalibration, **options):
    """All in one shape, so that each variant is compiled once."""
    labels, logits, weights = (
        np.pad(np.asarray(each, float), (0, 60 - len(each))) for each in (labels, logits, weights)
    )
    return kind.fit(labels, logits=logits, weights=weights, **options)


def free_params(variant, params):
    a, b, c = (float(params[name]) for name in "abc")
    return {"abm": [a, b, c], "am": [a, c], "ab": [a, b], "a": [a]}[variant]


def test_it_is_the_best_under_its_signs():
    bound = set()
    for variant, name in itertools.product(COLUMNS, TARGETS):
        fitted = fit(TARGETS[name], variant=variant)
        signed = (0, 1) if "b" in variant else (0,)
        params = free_params(variant, fitted.params)
        assert_optimal(COLUMNS[variant], params, TARGETS[name], WEIGHTS, signed=signed,
                       tolerance=1e-12)  # fmt: skip
        held = tuple(params[k] == 0 for k in signed)
        assert (fitted.status == CalibratorStatus.AT_BOUND) == any(held)
        bound.add(held)
    assert {(True, True), (True, False), (False, True), (False, False)} <= bound


def test_the_variants_keep_what_they_say():
    fits = {v: fit(LABELS, variant=v)
            for v in COLUMNS}  # fmt: skip
    assert fits["am"].params["a"] == fits["am"].params["b"]
    np.testing.assert_allclose(fits["ab"](0.0), 0, atol=1e-15)
    temperature = fit(LABELS, kind=TemperatureScaling)
    assert fits["a"].params["a"] == temperature.params["inverse_temperature"]
    for fitted in fits.values():
        assert np.all(np.diff(fitted(np.linspace(-40, 40, 99))) >= 0)


def test_betacal_where_it_stops_early_and_where_it_decreases():
    """betacal 1.1.0 on the same: 1.09023, .33935 and, turned, 0, -1.36218: a decreasing map."""
    i = np.arange(60)
    logits = 3 * np.sin(1.7 * i + 0.3) + 0.2 * np.cos(5 * i)
    labels = (i * 0.6180339887498949) % 1 < 1 / (1 + np.exp(-0.7 * logits - 0.4))
    fitted = fit(labels, logits, np.ones(60))
    np.testing.assert_allclose(fitted.params["a"], 1.0902340563683965, atol=4e-3)
    np.testing.assert_allclose(fitted.params["b"], 0.33935249185930805, atol=4e-3)
    turned = fit(~labels, logits, np.ones(60))
    assert (turned.params["a"], turned.params["b"]) == (0, 0)
    assert turned.status == CalibratorStatus.AT_BOUND
