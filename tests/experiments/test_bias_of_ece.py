import itertools

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from experiments.bias_of_ece import findings, trials
from experiments.bias_of_ece.estimators import (
    KERNEL,
    LESS,
    PLUG_IN,
    SMOOTH,
    SQUARE,
    SWEEP,
    estimators_of,
    name_of_plug_in,
    theory,
    true_values,
)
from experiments.bias_of_ece.settings import Config
from experiments.bias_of_ece.trials import Case, Found

SPREAD = 1.5


def mean_over_logits(function):
    def weighed(z):
        return function(z) * np.exp(-((z / SPREAD) ** 2) / 2) / (SPREAD * np.sqrt(2 * np.pi))

    return quad(weighed, -14, 14, epsabs=1e-12, limit=400)[0]


def gap_of_bins(slope, bins):
    """Shares and mean residuals by adaptive quadrature, bin by bin in the model's probability."""
    edges = np.linspace(0, 1, bins + 1)
    ends = np.log(edges[1:-1] / (1 - edges[1:-1])) / slope
    ends = np.concatenate([[-14], ends, [14]])

    def over(function, low, high):
        def weighed(z):
            return function(z) * np.exp(-((z / SPREAD) ** 2) / 2) / (SPREAD * np.sqrt(2 * np.pi))

        return quad(weighed, low, high, epsabs=1e-13)[0]

    pairs = list(itertools.pairwise(ends))
    shares = np.array([over(lambda z: 1.0, *pair) for pair in pairs])
    sums = np.array([over(lambda z: expit(z) - expit(slope * z), *pair) for pair in pairs])
    return shares, sums


@pytest.fixture(scope="module")
def truths():
    with jax.enable_x64(True):
        return true_values(1.6, Config(bins=(15, 60), points=20001))


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_true_values_are_those_of_adaptive_quadrature(truths):
    shares, sums = gap_of_bins(1.6, 15)
    np.testing.assert_allclose(truths[PLUG_IN], np.abs(sums).sum(), rtol=2e-3)
    np.testing.assert_allclose(truths[SQUARE], np.sum(sums**2 / shares), rtol=4e-3)
    whole = mean_over_logits(lambda z: abs(expit(z) - expit(1.6 * z)))
    np.testing.assert_allclose(truths[SWEEP], whole, rtol=1e-6)
    assert truths[LESS] == truths[PLUG_IN]


def test_a_bin_across_one_half_hides_a_little_and_so_does_smoothing(truths):
    assert truths[PLUG_IN] < 0.997 * truths[SWEEP]
    np.testing.assert_allclose(truths[name_of_plug_in(60, "width")], truths[SWEEP], rtol=1e-9)
    assert 0.95 * truths[SWEEP] < truths[SMOOTH] < truths[SWEEP]
    assert 0 < truths[KERNEL] < truths[SQUARE]


def test_the_theory_is_the_mean_of_folded_normals():
    config = Config(points=20001)
    with jax.enable_x64(True):
        found = theory(1, 100, config)
    variance = mean_over_logits(lambda z: expit(z) * expit(-z))
    np.testing.assert_allclose(found, np.sqrt(2 * variance / (np.pi * 100)), rtol=1e-6)


def test_trials_do_not_depend_on_how_many_run_together(monkeypatch):
    few = {SQUARE: estimators_of(Config())[SQUARE]}
    monkeypatch.setattr(trials, "estimators_of", lambda config: few)
    case = Case(1.6, 50)
    with jax.enable_x64(True):
        at_once, apart = (
            trials._estimates(case, Config(trials=6, together=together))[SQUARE]
            for together in (6, 3)
        )
    np.testing.assert_allclose(at_once, apart, rtol=1e-12)
    assert len(np.unique(at_once)) == 6


def found_with(**estimates):
    """Findings of one size: every estimator right but for those given, with noise of 1/1000."""
    noise = np.array([-1e-3, 1e-3] * 50)
    config = Config(slopes=(1.0, 1.6), sizes=(1000,))
    expected = {name_of_plug_in(k, "width"): theory(k, 1000, config) for k in config.bins}
    expected[LESS] = expected[PLUG_IN] / 2
    by_case = {}
    for slope in config.slopes:
        means = dict.fromkeys(estimators_of(config), 0.0) | expected
        means |= {SMOOTH: expected[PLUG_IN] / 4} | estimates
        by_case[Case(slope, 1000)] = {
            name: Found(0.0, mean + noise) for name, mean in means.items()
        }
    return by_case, config


@pytest.mark.parametrize(
    ("wrong", "failing"),
    [
        ({}, ""),
        ({SQUARE: 1e-3}, SQUARE),
        ({KERNEL: -1e-3}, KERNEL),
        ({LESS: 0.035}, "debiasing leaves"),
        ({name_of_plug_in(60, "width"): 0.05}, "off the theory's"),
        ({SMOOTH: 0.035}, "smooth ECE"),
    ],
)
def test_claims_follow_the_estimates(wrong, failing):
    with jax.enable_x64(True):
        claims = findings.claims_of(*found_with(**wrong))
    failed = [claim.text for claim in claims if not claim.holds]
    assert len(failed) == bool(failing)
    assert all(failing in text for text in failed)
