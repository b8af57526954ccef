"""Each group is judged as it would be alone."""

import jax
import numpy as np
import pytest

from bcejax.calibration.errors import cumulative, smooth
from bcejax.calibration.regression import calibration_regression
from bcejax.calibration.reporting.grouping import calibration_by_group

RNG = np.random.default_rng(5)
PROBS = RNG.uniform(0.1, 0.9, 256)
LABELS = (RNG.random(256) < PROBS).astype(float)
GROUPS = np.where(np.arange(256) < 180, "large", "small")
WEIGHTS = np.where(np.arange(256) % 10 == 0, 0, 1.0 + np.arange(256) % 2)


@pytest.fixture(autouse=True, scope="module")
def _double():
    """One dtype and one size here and in the tests of the report: all compile the same."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def found():
    return calibration_by_group(LABELS, GROUPS, probs=PROBS, weights=WEIGHTS)


def test_the_largest_comes_first(found):
    assert {name: each.examples for name, each in found.items()} == {"large": 162, "small": 68}
    assert next(iter(found)) == "large"


def test_padding_changes_nothing(found):
    own = GROUPS == "small"
    y, w, p = LABELS[own], WEIGHTS[own], PROBS[own]
    small = found["small"]
    assert small.base_rate == pytest.approx(np.average(y, weights=w))
    assert small.mean_prob == pytest.approx(np.average(p, weights=w))
    assert small.observed_over_expected == pytest.approx(w @ y / (w @ p))
    given = {"probs": PROBS, "weights": WEIGHTS, "where": own}
    fit = calibration_regression(LABELS, **given)
    assert small[4:7] == pytest.approx([*map(float, (fit.slope.value, *fit.slope[2:]))])
    smoothed = smooth.smooth_calibration_error(LABELS, **given)
    assert small.smooth_calibration_error == pytest.approx(float(smoothed))
    kuiper = cumulative.cumulative_calibration_error(LABELS, **given)
    assert small.p_value == pytest.approx(float(kuiper.kuiper_p_value))


def test_a_group_of_one_class_has_no_slope():
    groups = np.where(LABELS == 1, "ill", "well")
    for each in calibration_by_group(LABELS, groups, probs=PROBS).values():
        assert np.isnan([each.slope, each.slope_lower, each.in_the_large]).all()
        assert each.p_value < 1e-9


def test_what_does_not_count_is_no_group():
    where = GROUPS == "large"
    found = calibration_by_group(LABELS, GROUPS, probs=PROBS, weights=WEIGHTS, where=where)
    assert list(found) == ["large"]


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_name_is_refused_unless_masked(missing):
    groups = np.append(GROUPS[1:].astype(object), missing)
    with pytest.raises(ValueError, match="groups hold a missing name among text"):
        calibration_by_group(LABELS, groups, probs=PROBS)
    found = calibration_by_group(LABELS, groups, probs=PROBS, where=np.arange(256) < 255)
    assert list(found) == ["large", "small"]


def test_groups_of_another_shape():
    with pytest.raises(ValueError, match=r"groups have shape \(3,\) and labels \(256,\)"):
        calibration_by_group(LABELS, GROUPS[:3], probs=PROBS)
