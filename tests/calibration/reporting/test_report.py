"""The report says what the functions say, with intervals and p-values that mean something."""

import io
import json
import math

import jax
import numpy as np
import pytest
from rich.console import Console

from bcejax.calibration.decomposition import murphy_decomposition
from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.calibration.errors import binned, cumulative, debiased, kernel, smooth
from bcejax.calibration.regression import calibration_regression, spiegelhalter_test
from bcejax.calibration.reporting import draws
from bcejax.calibration.reporting import report as reporting
from bcejax.calibration.reporting.measures import MASS_BINS, NAMES
from bcejax.calibration.reporting.report import calibration_report

RNG = np.random.default_rng(7)
LOGITS = 2 * RNG.normal(size=256)
PROBS = 1 / (1 + np.exp(-LOGITS))
LABELS = (RNG.random(256) < 1 / (1 + np.exp(-LOGITS / 2))).astype(float)  # the model is too sure
WEIGHTS = np.where(np.arange(256) % 3 == 0, 2.0, 1.0)
DRAWS = 39


@pytest.fixture(autouse=True, scope="module")
def _double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def report():
    given = {"probs": PROBS, "n_resamples": DRAWS, "calibrators": ("temperature", "isotonic")}
    return calibration_report(LABELS, **given)


def test_the_numbers_are_those_of_the_functions(report):
    given = {"probs": PROBS}
    cumulated = cumulative.cumulative_calibration_error(LABELS, **given)
    corp = corp_decomposition(LABELS, **given)
    higher = LOGITS[LABELS == 1][:, None] > LOGITS[LABELS == 0]
    expected = {
        "log_score": np.logaddexp(0, (1 - 2 * LABELS) * LOGITS).mean(),
        "brier_score": np.mean((LABELS - PROBS) ** 2),
        "roc_auc": higher.mean(),
        "accuracy": np.mean((LOGITS > 0) == LABELS),
        "base_rate": LABELS.mean(),
        "mean_prob": PROBS.mean(),
        "observed_over_expected": LABELS.mean() / PROBS.mean(),
        "expected_calibration_error": binned.expected_calibration_error(
            LABELS, **given, **MASS_BINS
        ),
        "debiased_squared_error": debiased.debiased_squared_error(LABELS, **given, **MASS_BINS),
        "smooth_calibration_error": smooth.smooth_calibration_error(LABELS, **given),
        "kernel_calibration_error": kernel.kernel_calibration_error(LABELS, **given),
        "kuiper": cumulated.kuiper,
        "kolmogorov_smirnov": cumulated.kolmogorov_smirnov,
        "log_miscalibration": corp.miscalibration,
        "log_discrimination": corp.discrimination,
        "log_uncertainty": corp.uncertainty,
        "murphy_reliability": murphy_decomposition(LABELS, **given, **MASS_BINS).reliability,
    }
    found = {**report.scores, **report.errors, **report.decompositions}
    for name, value in expected.items():
        assert found[name].value == pytest.approx(float(value), rel=1e-10), name
    assert set(found) >= {name for names in NAMES.values() for name in names}
    assert list(report.scores) == list(NAMES["scores"])


def test_the_parts_add_up_to_the_scores(report):
    parts = {name: each.value for name, each in report.decompositions.items()}
    for score in ("log", "brier"):
        total = (
            parts[f"{score}_miscalibration"]
            - parts[f"{score}_discrimination"]
            + parts[f"{score}_uncertainty"]
        )
        assert total == pytest.approx(report.scores[f"{score}_score"].value)


def test_intervals_hold_the_estimates_and_end_where_the_metric_does(report):
    for name in ("log_score", "brier_score", "roc_auc", "accuracy", "base_rate", "mean_prob"):
        value, lower, upper, p_value = report.scores[name]
        assert lower < value < upper, name
        assert math.isnan(p_value)
    assert all(each.lower >= 0 for name, each in report.errors.items() if "squared" not in name
               and "kernel" not in name)  # fmt: skip
    assert report.scores["roc_auc"].upper <= 1


def test_p_values_are_small_for_a_model_that_is_too_sure(report):
    least = 1 / (1 + DRAWS)
    assert report.errors["smooth_calibration_error"].p_value == pytest.approx(least)
    assert report.errors["expected_calibration_error"].p_value <= 3 * least
    assert report.decompositions["log_miscalibration"].p_value <= 3 * least
    assert math.isnan(report.decompositions["log_discrimination"].p_value)
    excess = report.decompositions["log_miscalibration_above_chance"].value
    assert 0 < excess < report.decompositions["log_miscalibration"].value


def test_a_calibrated_model_is_not_accused(report):
    labels = (np.random.default_rng(3).random(256) < PROBS).astype(float)
    found = calibration_report(labels, probs=PROBS, n_resamples=DRAWS, calibrators=())
    assert all(each.p_value > 1 / (1 + DRAWS) for each in found.errors.values())
    assert found.decompositions["log_miscalibration"].p_value > 1 / (1 + DRAWS)
    assert found.recalibrations == {}
    assert found.best == ""


def test_regression_is_that_of_the_functions(report):
    fit = calibration_regression(LABELS, probs=PROBS)
    slope = report.regression["slope"]
    assert slope[:3] == pytest.approx([*map(float, (fit.slope.value, *fit.slope[2:]))])
    assert slope.p_value == pytest.approx(float(fit.spread.p_value))
    assert report.regression["in_the_large"].p_value == pytest.approx(float(fit.mean.p_value))
    z = spiegelhalter_test(LABELS, probs=PROBS)
    assert report.regression["spiegelhalter"].value == pytest.approx(float(z.statistic))


def test_the_contest_scores_what_no_calibrator_has_seen(report):
    assert list(report.recalibrations) == ["none", "temperature", "isotonic"]
    none = report.recalibrations["none"]
    assert none.log_score == pytest.approx(report.scores["log_score"].value)
    assert none.brier_score == pytest.approx(report.scores["brier_score"].value)
    assert (none.gain, none.gain_error) == (0, 0)
    best = report.recalibrations[report.best]
    assert best.log_score == min(each.log_score for each in report.recalibrations.values())
    assert best.gain == pytest.approx(none.log_score - best.log_score)
    assert best.gain > best.gain_error > 0


def test_order_does_not_matter_and_what_does_not_count_is_absent(report):
    shuffled = np.random.default_rng(0).permutation(259)
    labels, probs = np.append(LABELS, [1, 0, 1])[shuffled], np.append(PROBS, [0.5] * 3)[shuffled]
    weights = np.append(np.ones(256), np.zeros(3))[shuffled]
    again = calibration_report(
        labels, probs=probs, weights=weights, n_resamples=DRAWS,
        calibrators=("temperature", "isotonic"),
    )  # fmt: skip
    assert json.dumps(again.as_dict()) == json.dumps(report.as_dict())


def test_weights_count():
    found = calibration_report(
        LABELS, probs=PROBS, weights=WEIGHTS, n_resamples=DRAWS, calibrators=()
    )
    expected = np.average(np.logaddexp(0, (1 - 2 * LABELS) * LOGITS), weights=WEIGHTS)
    assert found.scores["log_score"].value == pytest.approx(expected)
    assert found.scores["base_rate"].value == pytest.approx(np.average(LABELS, weights=WEIGHTS))


def test_bins_are_as_many_as_of_copies_by_one_program_for_each_number():
    """Weight k makes as many bins as k copies do; other weights of as many bins compile nothing."""
    eights = np.full(256, 8.0)
    options = {"probs": PROBS, "n_resamples": 0, "calibrators": ()}
    found = calibration_report(LABELS, weights=eights, **options)
    copies = {"probs": np.repeat(PROBS, 8), **MASS_BINS}
    expected = binned.expected_calibration_error(np.repeat(LABELS, 8), **copies)
    assert found.errors["expected_calibration_error"].value == pytest.approx(float(expected))
    programs = draws._measured._cache_size()
    calibration_report(LABELS, weights=eights - 0.2 * WEIGHTS, **options)
    assert draws._measured._cache_size() == programs


def test_logits_and_no_draws(monkeypatch):
    """The measures of logits are compiled for nothing else, so numbers stand in for them."""
    asked = []

    def stand_in(examples, *, draws, simulate, **_):
        asked.append((draws, simulate))
        np.testing.assert_array_equal(examples.logits, np.sort(LOGITS))
        return {part: dict.fromkeys(names, np.array([0.25])) for part, names in NAMES.items()}

    monkeypatch.setattr(reporting, "draw_measures", stand_in)
    found = calibration_report(LABELS, logits=LOGITS, n_resamples=0, calibrators=())
    assert asked == [(0, True)]
    assert found.form == "logits"
    numbers = [each for part in (found.scores, found.errors) for each in part.values()]
    assert {each.value for each in numbers} == {0.25}
    assert all(math.isnan(each.lower) and math.isnan(each.p_value) for each in numbers)
    assert "draws" not in str(found)


def test_one_class_is_measured_as_far_as_it_goes():
    found = calibration_report(np.zeros(256), probs=PROBS, n_resamples=DRAWS, calibrators=())
    assert math.isnan(found.scores["roc_auc"].value)
    assert found.scores["base_rate"].value == 0
    assert found.errors["smooth_calibration_error"].value > 0.3
    assert np.isnan([found.regression[name].value for name in ("slope", "in_the_large")]).all()


def test_a_certain_answer_that_is_wrong_is_told_without_a_warning():
    found = calibration_report(LABELS, probs=LABELS[::-1], n_resamples=DRAWS, calibrators=())
    assert found.scores["log_score"].value == math.inf
    assert 0 < found.errors["debiased_squared_error"].lower < 1


def test_it_prints_as_text_as_rich_and_as_json(report):
    text = str(report)
    assert "smooth_calibration_error" in text
    assert "temperature  best" in text or "isotonic  best" in text
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    assert "smooth_calibration_error" in console.export_text()
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["scores"]["log_score"]["p_value"] is None
    assert plain["errors"]["kuiper"]["value"] == report.errors["kuiper"].value


def test_the_title_keeps_the_digits_of_the_confidence(report):
    for confidence, said in ((0.5, "50%"), (0.95, "95%"), (0.999, "99.9%")):
        assert f", {said} intervals" in report._replace(confidence=confidence).title


def test_progress_is_told_by_stage():
    told = []
    calibration_report(
        LABELS, probs=PROBS, n_resamples=DRAWS, calibrators=("temperature",),
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert ("cross-fitting temperature", 0, 1) in told
    assert ("simulating", DRAWS + 1, DRAWS + 1) in told
    assert ("resampling", DRAWS + 1, DRAWS + 1) in told


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"calibrators": ("beta", "bets")},
            ValueError,
            "calibrator 'bets' is not one of temperature, platt",
        ),
        (
            {"labels": np.full(256, 0.5)},
            ValueError,
            "labels must be 0 or 1 here, found the soft label 0.5",
        ),
        ({"probs": 100 * PROBS}, ValueError, "divide percentages by 100"),
        ({"folds": 1}, ValueError, "folds is 1; there must be 2 or more"),
        ({"folds": 257}, ValueError, "folds is 257; only 256 examples count"),
        ({"logits": LOGITS}, ValueError, "give exactly one of logits= and probs=; both came"),
        ({"n_resamples": -5}, ValueError, "n_resamples is -5; there must be 0 or more"),
        ({"n_resamples": 2.5}, TypeError, r"n_resamples is 2\.5; it must be an integer"),
        ({"confidence": 95}, ValueError, "confidence 95 does not lie between 0 and 1"),
        ({"calibrators": "beta"}, TypeError, "calibrators is 'beta'; it must be a sequence of na"),
    ],
)
def test_bad_input_is_one_line(changes, error, message):
    given = {"labels": LABELS, "probs": PROBS, "n_resamples": 0, "calibrators": ("isotonic",)}
    with pytest.raises(error, match=message):
        calibration_report(**(given | changes))
