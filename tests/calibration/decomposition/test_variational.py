"""The cross-fitted decomposition against a loop over its folds, and what it must keep."""

import jax
import numpy as np
import pytest

from bcejax.calibration.calibrators.platt import PlattScaling
from bcejax.calibration.calibrators.temperature import TemperatureScaling
from bcejax.calibration.decomposition.variational import refinement

N, FOLDS = 60, 3
RNG = np.random.default_rng(2)
LOGITS = RNG.normal(0, 4, N)
LABELS = np.float64(RNG.random(N) < 1 / (1 + np.exp(-LOGITS / 3)))
WEIGHTS = RNG.integers(0, 4, N).astype(float)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def bce(x, y):
    return np.logaddexp(0, x) - y * x


def loop(kind, labels, logits, weights):
    """Deal each class in turn by ascending score, from fold 1 on; fit without, map within."""
    fold = np.full(len(labels), -1)
    for label in (0, 1):
        members = np.flatnonzero((labels == label) & (weights > 0))
        fold[members[np.argsort(logits[members])]] = np.arange(1, len(members) + 1) % FOLDS
    after = np.zeros(len(labels))

    @jax.jit
    def mapped(weights):
        return kind.fit(labels, logits=logits, weights=weights)(logits)

    for k in range(FOLDS):
        after[fold == k] = np.asarray(mapped(np.where(fold == k, 0, weights)))[fold == k]
    return weights @ bce(logits, labels) / weights.sum(), weights @ bce(
        after, labels
    ) / weights.sum()


def test_it_is_the_loop():
    kind = PlattScaling
    parts = refinement(LABELS, logits=LOGITS, weights=WEIGHTS, calibrator=kind, folds=FOLDS)
    loss, rest = loop(kind, LABELS, LOGITS, WEIGHTS)
    np.testing.assert_allclose(parts.loss, loss, rtol=1e-13)
    np.testing.assert_allclose(parts.refinement, rest, rtol=1e-10)
    np.testing.assert_allclose(parts.calibration, loss - rest, rtol=1e-9)
    assert parts.calibration > 0.1  # the logits are three times too large
    assert parts.status == 0


@jax.jit
def by_temperature(labels, logits, weights, where):
    return refinement(labels, logits=logits, weights=weights, where=where, folds=FOLDS)


def test_order_and_absence_change_nothing():
    everything = np.full(N, True)
    whole = by_temperature(LABELS, LOGITS, WEIGHTS, everything)
    loss, rest = loop(TemperatureScaling, LABELS, LOGITS, WEIGHTS)
    np.testing.assert_allclose(whole[:3], [loss, loss - rest, rest], rtol=1e-9)
    order, present = RNG.permutation(N), WEIGHTS > 0
    moved = by_temperature(LABELS[order], LOGITS[order], WEIGHTS[order], everything)
    masked = by_temperature(
        np.where(present, LABELS, 9), np.where(present, LOGITS, np.nan), WEIGHTS, present
    )
    for other in (moved, masked):
        np.testing.assert_allclose(other[:3], whole[:3], rtol=1e-11)
    assert np.isnan(by_temperature(2 * LABELS, LOGITS, WEIGHTS, everything).calibration)


def test_a_key_deals_at_random():
    @jax.jit
    def rest(key):
        given = {"logits": LOGITS, "folds": FOLDS, "calibrator": "temperature"}
        return refinement(LABELS, **given, key=key).refinement

    one, same, other = (rest(jax.random.key(seed)) for seed in (0, 0, 1))
    assert one == same
    assert one != other
    in_turn = by_temperature(LABELS, LOGITS, np.ones(N), np.full(N, True)).refinement
    np.testing.assert_allclose([one, other], in_turn, atol=0.05)


def test_a_certain_wrong_answer_cannot_be_saved():
    logits = np.where(np.arange(N) == 0, np.where(LABELS[0] == 1, -np.inf, np.inf), LOGITS)
    parts = by_temperature(LABELS, logits, np.ones(N), np.full(N, True))
    assert parts.loss == np.inf
    assert parts.refinement == np.inf
    assert np.isnan(parts.calibration)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"folds": 1}, ValueError, "folds is 1; there must be 2 or more"),
        ({"folds": 2.0}, TypeError, "folds is 2.0; it must be an integer"),
        ({"calibrator": "magic"}, ValueError, "calibrator 'magic' is not one of temperature, "),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        refinement(LABELS, logits=LOGITS, **options)
