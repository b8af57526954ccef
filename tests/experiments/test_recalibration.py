import dataclasses

import jax
import numpy as np
import pytest

from experiments.recalibration import EXPERIMENT
from experiments.recalibration.candidates import CANDIDATES, PARAMETRIC, PLAIN, Unseen
from experiments.recalibration.held_out import LOSS, ROOT, measure
from experiments.recalibration.known_truth import hold
from experiments.recalibration.networks import Known, judge_known

QUICK = dataclasses.replace(EXPERIMENT.tiny, epochs=1, drawn=64, calibrating=50, judged=500)


@pytest.fixture(scope="module", autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def known():
    """Logits three times too large, of known truth."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=2000)
    truth = 1 / (1 + np.exp(-logits))
    labels = (rng.random(2000) < truth).astype(float)
    unseen = Unseen(labels, 3 * logits)
    return Known(Unseen(labels[:500], 3 * logits[:500]), unseen, truth)


def test_all_calibrators_are_tried():
    assert set(PARAMETRIC) < set(EXPERIMENT.default.calibrators)
    assert set(EXPERIMENT.tiny.calibrators) < set(EXPERIMENT.default.calibrators)


def test_nobody_is_recalibrated_by_a_map_that_was_fitted_to_him(known):
    unseen = known.calibrating
    fitted = CANDIDATES["temperature"].cross_fit(unseen, 2, seed=0)
    weaker = np.where(np.arange(500) == np.argmax(unseen.labels), 0.9, unseen.labels)
    turned = Unseen(weaker, unseen.logits)  # on the same side of 1/2: the parts stay as they are
    other = CANDIDATES["temperature"].cross_fit(turned, 2, seed=0)
    ratio = fitted / unseen.logits
    assert len(np.unique(ratio.round(12))) == 2  # one temperature for each part
    changed = (other / unseen.logits).round(12) != ratio.round(12)
    assert 0 < changed.sum() < 500


def test_measures_of_the_truth_find_no_error_and_those_of_too_sure_logits_do(known):
    config = dataclasses.replace(QUICK, resamples=50)
    sure = measure(known.judged, known.judged.logits, config)
    right = measure(known.judged, known.judged.logits / 3, config)
    assert right.estimates[ROOT].lower == 0
    assert sure.estimates[ROOT].lower > right.estimates[ROOT].upper
    assert right.gain.sigmas > 4
    assert right.gain.value == pytest.approx(
        sure.estimates[LOSS].value - right.estimates[LOSS].value, rel=1e-12
    )
    assert abs(right.miscalibration) < sure.miscalibration


def test_the_truth_held_against_itself_has_no_error(known):
    held = hold(known, known.judged.logits / 3, QUICK)
    assert held.error < 1e-12
    assert held.excess < 1e-12
    assert hold(known, known.judged.logits, QUICK).error > 0.1


def test_an_infinite_loss_has_no_gain(known):
    logits = np.where(np.arange(2000) == 0, -np.inf, 1) * (2 * known.judged.labels - 1)
    found = measure(known.judged, logits, dataclasses.replace(QUICK, resamples=50))
    assert found.estimates[LOSS].value == np.inf
    assert found.gain.value == -np.inf


def test_parts_of_a_known_truth_share_no_example():
    drawn = judge_known(QUICK)
    assert drawn.calibrating.labels.shape == (50,)
    assert drawn.judged.logits.shape == drawn.truth.shape == (500,)
    assert abs(np.mean(drawn.judged.labels - drawn.truth)) < 4 * 0.5 / np.sqrt(500)
    assert PLAIN in CANDIDATES
