import jax
import numpy as np
import pytest
from scipy.stats import beta, binom

from experiments import untracked
from experiments.coverage_of_intervals import findings
from experiments.coverage_of_intervals.bins import SIZES, Covered, covered
from experiments.coverage_of_intervals.bootstraps import true_errors
from experiments.coverage_of_intervals.coverage import Share, shares_of
from experiments.coverage_of_intervals.settings import (
    CERTAIN,
    DEBIASED,
    ECE,
    ERRORS,
    SMOOTH,
    SQUARE,
    Config,
)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_a_share_stands_between_its_clopper_pearson_ends():
    share = Share("part", "what", "model", 3, 40)
    tail = (1 - CERTAIN) / 2
    np.testing.assert_allclose(
        share.ends, [beta.ppf(tail, 3, 38), beta.ppf(1 - tail, 4, 37)], rtol=1e-6
    )
    assert share.value == 3 / 40


@pytest.mark.parametrize(
    ("hits", "near", "small", "large"),
    [(950, True, False, True), (990, False, False, True), (20, False, True, False)],
)
def test_claims_of_a_share_hold_where_chance_is_no_excuse(hits, near, small, large):
    share = Share("part", "what", "model", hits, 1000)
    assert share.near(0.95, 0.001).holds == near
    assert share.at_most(0.05).holds == small
    assert share.at_least(0.9).holds == large


def test_trials_are_counted_over_all_chunks():
    config = Config(chunks=3)

    def trial(key, model):
        return {"heads": jax.random.bernoulli(key), "large": model.slope > 1.5}

    shares = shares_of("coins", trial, 30, config, untracked)
    by_name = {(share.what, share.model): share for share in shares}
    assert {share.trials for share in shares} == {30}
    assert by_name["large", "calibrated"].hits == 0
    assert by_name["large", "slope 1.6"].hits == 30
    assert by_name["heads", "calibrated"].hits == by_name["heads", "slope 1.6"].hits
    assert 5 < by_name["heads", "calibrated"].hits < 25


def test_coverage_of_bins_is_that_of_scipys_quantiles():
    found = {(each.kind, each.labels): each for each in covered(Config())}
    assert len(found) == 3 * len(SIZES)
    truth, n = (np.arange(2000) + 0.5) / 2000, 20
    ones = np.arange(n + 1)
    lower = np.nan_to_num(beta.ppf(0.025, ones, n - ones + 1), nan=0.0)[:, None]
    upper = np.nan_to_num(beta.ppf(0.975, ones + 1, n - ones), nan=1.0)[:, None]
    held = (lower <= truth) & (truth <= upper)
    share = (binom.pmf(ones[:, None], n, truth) * held).sum(axis=0)
    np.testing.assert_allclose(found["clopper_pearson", n].mean, share.mean(), rtol=1e-6)
    np.testing.assert_allclose(found["clopper_pearson", n].least, share.min(), rtol=1e-6)


def test_a_calibrated_model_has_no_true_error_and_another_has():
    with jax.enable_x64(True):
        none, some = (true_errors(slope, Config()) for slope in (1.0, 1.6))
    assert max(none.values()) < 1e-12
    assert some[DEBIASED] == some[SQUARE]
    assert some[SQUARE] > some[ECE] ** 2
    np.testing.assert_allclose([some[ECE], some[SMOOTH]], [0.0705, 0.0696], atol=2e-4)
    assert set(some) == set(ERRORS)


def fake_shares(**changed):
    """Shares as they should be, of 10 000 trials, but for those given in per cent."""
    right = {
        findings.PERCENTILE: (0, 10),
        findings.BASIC: (35, 85),
        findings.SQUARED: (99, 98),
        findings.UNBIASED: (99, 98),
        "Wald interval of the slope": (95, 95),
        "Wald interval of the calibration in the large": (95, 88),
        "rejection by the ECE": (5, 80),
        findings.EVERYWHERE: (99, 99),
        findings.SOMEWHERE: (95, 95),
    }
    parts = {"Wald": "regression", "rejection": "test"}
    return [
        Share(parts.get(what.split()[0], "bootstrap"), what, model, 100 * percent, 10_000)
        for what, both in (right | changed).items()
        for model, percent in zip(("calibrated", "slope 1.6"), both, strict=True)
    ]


BINS = [Covered(kind, 20, 0.955, 0.95) for kind in ("wilson", "clopper_pearson", "jeffreys")]


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({}, 0),
        ({findings.PERCENTILE: (20, 20)}, 1),
        ({findings.BASIC: (0, 0)}, 1),
        ({findings.SQUARED: (90, 98)}, 1),
        ({findings.UNBIASED: (99, 90)}, 1),
        ({"Wald interval of the slope": (90, 90)}, 2),
        ({"rejection by the ECE": (15, 80)}, 1),
        ({"rejection by the ECE": (5, 5)}, 1),
        ({findings.EVERYWHERE: (92, 99)}, 1),
        ({findings.SOMEWHERE: (70, 95)}, 1),
    ],
)
def test_claims_follow_the_shares(changed, failing):
    claims = findings.claims_of(fake_shares(**changed), BINS, Config())
    assert sum(not claim.holds for claim in claims) == failing


def test_an_interval_of_bins_that_covers_too_little_is_found():
    short = [each._replace(least=0.94) for each in BINS]
    claims = findings.claims_of(fake_shares(), short, Config())
    assert [claim.bound for claim in claims if not claim.holds] == [0.95]
