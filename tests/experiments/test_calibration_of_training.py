import jax
import numpy as np
import pytest

from bcejax.calibration import expected_calibration_error
from bcejax.data import Batch, Split, draw_logistic, split_rows, standardize
from experiments.calibration_of_training.facts import bounds_at, facts_of
from experiments.calibration_of_training.held_out import judge_all
from experiments.calibration_of_training.known_truth import DRAWS, judge_by_truth
from experiments.calibration_of_training.nearing import approach
from experiments.calibration_of_training.optimum import left_by_rounding, logits_of, newton
from experiments.calibration_of_training.scores import more_ece, more_loss, more_than_true
from experiments.calibration_of_training.settings import LOGISTIC, MODELS, Config
from experiments.experiment import untracked

QUICK = Config(hidden=(2,), epochs=1, overtraining=2, drawn=64, judged=64, repeats=20)


@pytest.fixture(scope="module", autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def batch():
    drawn = jax.jit(draw_logistic, static_argnums=1)(jax.random.key(0), 300).batch
    return jax.tree.map(np.asarray, drawn)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_newton_finds_the_log_odds_of_two_groups():
    group = np.repeat([0.0, 1.0], [7, 9])
    labels = np.concatenate([np.repeat([0.0, 1.0], [2, 5]), np.repeat([0.0, 1.0], [6, 3])])
    slope, intercept = newton(Batch(group[:, None], labels))
    spacing = np.spacing(abs(slope))
    assert abs(intercept - np.log(5 / 2)) <= spacing
    assert abs(slope - (np.log(3 / 6) - np.log(5 / 2))) <= spacing


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_rounding_leaves_no_more_than_its_bound_and_the_bound_is_tight(batch, penalty):
    b = newton(batch, penalty=penalty)
    bound = left_by_rounding(batch, b, penalty=penalty)
    ridge = penalty * np.append(np.ones(3), 0)
    assert np.all(np.abs(facts_of(batch, b).gradient + ridge * b) <= bound)
    off = b * (1 + 1e-14)
    assert np.any(np.abs(facts_of(batch, off).gradient + ridge * off) > bound)


def test_gaps_at_the_exact_optimum_keep_their_bounds(batch):
    best = newton(batch)
    assert np.all(facts_of(batch, best).gaps() <= bounds_at(batch, best))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_slope_undoes_what_the_logits_were_multiplied_by(batch, factor):
    best = newton(batch)
    facts = facts_of(batch, factor * best)
    slope, intercept = bounds_at(batch, best)[2:]
    assert abs(facts.slope * factor - 1) <= slope
    assert abs(facts.intercept) <= intercept
    assert facts.loss > facts_of(batch, best).loss


def test_intercept_undoes_what_was_added_to_the_logits(batch):
    best = newton(batch)
    facts = facts_of(batch, best + np.array([0, 0, 0, 0.25]))
    slope, intercept = bounds_at(batch, best)[2:]
    assert abs(facts.slope - 1) <= slope
    assert abs(facts.intercept + 0.25) <= intercept + slope / 4
    assert facts.mean > 0


def test_more_loss_is_the_mean_of_paired_differences():
    labels, worse, better = np.array([0.0, 1.0]), np.zeros(2), np.array([-1.0, 3.0])
    paired = np.log(2) - np.log1p(np.exp([-1.0, -3.0]))
    found = more_loss(labels, worse, better)
    assert found.value == pytest.approx(paired.mean(), rel=1e-15)
    assert found.error == pytest.approx(abs(paired[0] - paired[1]) / 2, rel=1e-14)


def test_more_ece_is_the_difference_of_two(batch):
    labels = batch.labels
    better = logits_of(batch.inputs, newton(batch)).astype(np.float64)
    found = more_ece(labels, 5 * better, better, QUICK)
    eces = [expected_calibration_error(labels, logits=k * better, bins=10) for k in (5, 1)]
    assert found.value == pytest.approx(float(eces[0] - eces[1]), rel=1e-13)
    assert found.sigmas > 4


def test_labels_of_the_models_own_probabilities_are_no_surprise():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=500)
    labels = (rng.random(500) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    assert abs(more_than_true(labels, logits, QUICK).sigmas) < 4
    assert more_than_true(1 - labels, logits, QUICK).sigmas > 4


def test_nobody_is_judged_by_a_model_that_was_fitted_to_her(batch):
    judged = judge_all(batch, QUICK, untracked)
    assert set(judged.logits) == set(MODELS)
    assert judged.history.loss.shape == judged.history.validation_loss.shape == (2,)
    rows = split_rows(batch.labels, [1 / 4] * 4, seed=QUICK.seed)
    for held in rows:
        rest = np.setdiff1d(np.arange(300), held)
        parts = Split(*(Batch(batch.inputs[each], batch.labels[each]) for each in (rest, held)))
        (train, unseen), _ = standardize(parts)
        alone = logits_of(unseen.inputs, newton(train)).astype(np.float64)
        np.testing.assert_allclose(judged.logits[LOGISTIC][held], alone, rtol=1e-12)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_distance_from_the_truth_is_at_least_the_ece_against_it(draw):
    judged = judge_by_truth(draw, QUICK)
    for name in MODELS:  # a bin's mean difference is at most its mean absolute difference
        assert 0 < judged.ece[name] <= judged.distance[name] * (1 + 1e-12)


def test_approach_falls_as_the_root_of_the_number_of_examples():
    near = approach(Config(sizes=(200, 800), repeats=20), untracked)
    assert near.distances.shape == (2, 20)
    assert near.predicted[0] / near.predicted[1] == pytest.approx(2, rel=1e-15)
    assert near.mean[1] < near.mean[0]
    assert abs(near.surplus().sigmas) < 4
