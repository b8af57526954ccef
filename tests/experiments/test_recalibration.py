import jax
import numpy as np
import pytest

from experiments.recalibration import EXPERIMENT
from experiments.recalibration.candidates import CANDIDATES, PARAMETRIC, PLAIN, Unseen
from experiments.recalibration.held_out import LOSS, ROOT, measure
from experiments.recalibration.known_truth import hold
from experiments.recalibration.networks import Known, judge_known

TINY = EXPERIMENT.tiny  # whose programs the tests share


@pytest.fixture(scope="module", autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def known():
    """Logits three times too large, of known truth."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=TINY.judged)
    truth = 1 / (1 + np.exp(-logits))
    labels = (rng.random(TINY.judged) < truth).astype(float)
    unseen = Unseen(labels, 3 * logits)
    few = Unseen(labels[: TINY.calibrating], 3 * logits[: TINY.calibrating])
    return Known(few, unseen, truth)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_all_calibrators_are_tried():
    assert set(PARAMETRIC) < set(EXPERIMENT.default.calibrators)
    assert set(EXPERIMENT.tiny.calibrators) < set(EXPERIMENT.default.calibrators)


def test_nobody_is_recalibrated_by_a_map_that_was_fitted_to_him(known):
    unseen = known.calibrating
    fitted = CANDIDATES["temperature"].cross_fit(unseen, 2, seed=0)
    weaker = np.where(np.arange(TINY.calibrating) == np.argmax(unseen.labels), 0.9, unseen.labels)
    turned = Unseen(weaker, unseen.logits)  # on the same side of 1/2: the parts stay as they are
    other = CANDIDATES["temperature"].cross_fit(turned, 2, seed=0)
    ratio = fitted / unseen.logits
    assert len(np.unique(ratio.round(12))) == 2  # one temperature for each part
    changed = (other / unseen.logits).round(12) != ratio.round(12)
    assert 0 < changed.sum() < TINY.calibrating


def test_measures_of_the_truth_find_no_error_and_those_of_too_sure_logits_do(known):
    unseen = known.calibrating
    sure = measure(unseen, unseen.logits, TINY)
    right = measure(unseen, unseen.logits / 3, TINY)
    assert right.estimates[ROOT].lower == 0
    assert sure.estimates[ROOT].lower > right.estimates[ROOT].upper
    assert right.gain.sigmas > 4
    assert right.gain.value == pytest.approx(
        sure.estimates[LOSS].value - right.estimates[LOSS].value, rel=1e-12
    )
    assert abs(right.miscalibration) < sure.miscalibration


def test_the_truth_held_against_itself_has_no_error(known):
    held = hold(known, known.judged.logits / 3, TINY)
    assert held.error < 1e-12
    assert held.excess < 1e-12
    assert hold(known, known.judged.logits, TINY).error > 0.1


def test_an_infinite_loss_has_no_gain(known):
    unseen = known.calibrating
    wrong = np.where(np.arange(TINY.calibrating) == 0, -np.inf, 1)
    found = measure(unseen, wrong * (2 * unseen.labels - 1), TINY)
    assert found.estimates[LOSS].value == np.inf
    assert found.gain.value == -np.inf


def test_parts_of_a_known_truth_share_no_example():
    drawn = judge_known(TINY)
    assert drawn.calibrating.labels.shape == (TINY.calibrating,)
    assert drawn.judged.logits.shape == drawn.truth.shape == (TINY.judged,)
    assert abs(np.mean(drawn.judged.labels - drawn.truth)) < 4 * 0.5 / np.sqrt(TINY.judged)
    assert PLAIN in CANDIDATES
