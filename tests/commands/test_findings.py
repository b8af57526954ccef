"""What a page says of a report of calibration."""

import re

import numpy as np
import pytest

from bcejax.calibration.reporting.findings import CalibrationReport, Finding
from bcejax.commands.findings import answer, grids


def report(score=0.5, p_value=0.995, draws=199):
    errors = {"smooth_calibration_error": Finding(0.038, 0.0, 0.032, p_value)}
    scores = {"log_score": Finding(score)}
    return CalibrationReport(9, "probs", 0.95, draws, scores, errors, {}, {}, {}, "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ["The smooth calibration error, 0.038, does not speak .* probability 0.995\\."]),
        ({"p_value": 0.005}, ["No. The smooth calibration error is 0.038; .* at most 0.005\\."]),
        ({"p_value": 0.03}, ["No. .* with probability 0.03\\."]),
        ({"p_value": np.nan, "draws": 0}, []),
        ({"score": np.inf, "p_value": np.nan}, ["No. A prediction that was certain"]),
        ({"score": np.inf}, ["No. A prediction that was certain", "The smooth .* not speak"]),
    ],
)
def test_the_answer_claims_no_more_than_its_test(given, said):
    found = [each.text for each in answer(report(**given))]
    assert len(found) == len(said)
    for text, pattern in zip(found, said, strict=True):
        assert re.match(pattern, text)


def test_an_interval_that_may_lie_below_its_value_is_explained():
    captions = [each.caption for each in grids(report(), {})]
    assert "may lie below the value" in captions[1]
    assert "may lie below" not in "".join(each.caption for each in grids(report(draws=0), {}))
