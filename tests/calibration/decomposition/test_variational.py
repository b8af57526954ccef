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
    for k in range(FOLDS):
        fitted = kind.fit(labels, logits=logits, weights=np.where(fold == k, 0, weights))
        after[fold == k] = np.asarray(fitted(logits))[fold == k]
    return weights @ bce(logits, labels) / weights.sum(), weights @ bce(
        after, labels
    ) / weights.sum()


@pytest.mark.parametrize("kind", [TemperatureScaling, PlattScaling])
def test_it_is_the_loop(kind):
    parts = refinement(LABELS, logits=LOGITS, weights=WEIGHTS, calibrator=kind, folds=FOLDS)
    loss, rest = loop(kind, LABELS, LOGITS, WEIGHTS)
    np.testing.assert_allclose(parts.loss, loss, rtol=1e-13)
    np.testing.assert_allclose(parts.refinement, rest, rtol=1e-10)
    np.testing.assert_allclose(parts.calibration, loss - rest, rtol=1e-9)
    assert parts.calibration > 0.1  # the logits are three times too large
    assert parts.status == 0


def test_names_order_and_absence():
    whole = refinement(LABELS, logits=LOGITS, weights=WEIGHTS, folds=FOLDS)
    order = RNG.permutation(N)
    present = WEIGHTS > 0
    others = [
        refinement(LABELS[order], logits=LOGITS[order], weights=WEIGHTS[order], folds=FOLDS,
                   calibrator="temperature"),
        refinement(LABELS, logits=np.where(present, LOGITS, np.nan), where=present,
                   weights=WEIGHTS, folds=FOLDS),
        refinement(LABELS[present], logits=LOGITS[present], weights=WEIGHTS[present], folds=FOLDS),
    ]  # fmt: skip
    for other in others:
        np.testing.assert_allclose(other[:3], whole[:3], rtol=1e-11)


def test_the_calibrated_have_nothing_to_save():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    labels = np.float64(rng.random(4000) < 1 / (1 + np.exp(-logits)))
    assert abs(refinement(labels, logits=logits).calibration) < 2e-3


def test_a_key_deals_at_random():
    one, same, other = (
        refinement(LABELS, logits=LOGITS, folds=FOLDS, key=jax.random.key(seed))
        for seed in (0, 0, 1)
    )
    assert one.refinement == same.refinement
    assert one.refinement != other.refinement
    np.testing.assert_allclose(one.refinement, other.refinement, atol=0.05)


def test_a_certain_wrong_answer_cannot_be_saved():
    logits = np.where(np.arange(N) == 0, np.where(LABELS[0] == 1, -np.inf, np.inf), LOGITS)
    parts = refinement(LABELS, logits=logits, folds=FOLDS)
    assert parts.loss == np.inf
    assert parts.refinement == np.inf
    assert np.isnan(parts.calibration)


def test_it_is_traceable():
    @jax.jit
    def saved(labels, weights):
        return refinement(labels, logits=LOGITS, weights=weights, folds=FOLDS).calibration

    eager = refinement(LABELS, logits=LOGITS, weights=WEIGHTS, folds=FOLDS).calibration
    np.testing.assert_allclose(saved(LABELS, WEIGHTS), eager, rtol=1e-11)
    assert np.isnan(saved(2 * LABELS, WEIGHTS))


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
