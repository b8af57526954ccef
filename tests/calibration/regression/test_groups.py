"""Hosmer-Lemeshow against a loop over its groups."""

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from bcejax.calibration.regression.groups import hosmer_lemeshow_test

RNG = np.random.default_rng(7)
N = 60
PROBS = np.round(RNG.random(N), 1)  # many ties, 0 and 1 among them
PROBS[PROBS == 0], PROBS[PROBS == 1] = 0.02, 0.97
LABELS = (RNG.random(N) < PROBS).astype(float)
WEIGHTS = RNG.integers(0, 4, N).astype(float)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def brute(labels, probs, weights, bins):
    total, groups = weights.sum(), {}
    for p in np.unique(probs[weights > 0]):
        reached = weights[probs <= p].sum()
        groups.setdefault(int(np.ceil(bins * reached / total - 1e-9)), []).append(p)
    statistic = 0.0
    for members in groups.values():
        w = weights * np.isin(probs, members)
        n, expected, observed = w.sum(), w @ probs, w @ labels
        statistic += (observed - expected) ** 2 / (expected * (1 - expected / n))
    return statistic, len(groups)


@pytest.mark.parametrize(("bins", "held_out"), [(3, True), (10, False)])
def test_it_is_the_loop(bins, held_out):
    test = hosmer_lemeshow_test(LABELS, probs=PROBS, weights=WEIGHTS, bins=bins, held_out=held_out)
    statistic, groups = brute(LABELS, PROBS, WEIGHTS, bins)
    np.testing.assert_allclose(test.statistic, statistic, rtol=1e-12)
    assert test.degrees == groups - (0 if held_out else 2)
    np.testing.assert_allclose(test.p_value, chi2.sf(statistic, int(test.degrees)), rtol=1e-9)


def test_a_group_that_is_full_takes_no_more():
    """A border is i / bins, rounded once: where examples end on it, the next begin a group."""
    probs, bins = np.linspace(0.05, 0.95, 1000), 100
    labels = (RNG.random(1000) < probs).astype(float)
    with jax.enable_x64(False):
        test = hosmer_lemeshow_test(labels, probs=probs.astype(np.float32), bins=bins)
    want = brute(labels, probs, np.ones(1000), bins)[0]
    np.testing.assert_allclose(test.statistic, want, rtol=1e-4)


def test_certain_groups():
    probs = np.repeat([0.0, 0.5, 1.0], 4)
    right = hosmer_lemeshow_test(np.repeat([0, 1, 1], 4), probs=probs, bins=3)
    np.testing.assert_allclose(right.statistic, 4.0)
    wrong = hosmer_lemeshow_test(np.append(np.repeat([0, 1], 6)[:11], 0), probs=probs, bins=3)
    assert (wrong.statistic, wrong.p_value) == (np.inf, 0)


def test_ties_may_leave_no_degree_of_freedom():
    test = hosmer_lemeshow_test(LABELS, probs=np.full(N, 0.5), bins=10, held_out=False)
    assert test.degrees == -1
    assert np.isnan(test.p_value)


def test_logits_do_what_probabilities_do():
    logits = np.log(PROBS / (1 - PROBS))
    one = hosmer_lemeshow_test(LABELS, logits=logits, bins=3)
    np.testing.assert_allclose(one, hosmer_lemeshow_test(LABELS, probs=PROBS, bins=3), rtol=1e-10)


@pytest.mark.parametrize(
    ("bins", "error", "message"),
    [(2, ValueError, "bins is 2; there must be 3 or more"), (5.0, TypeError, "bins is 5.0; it")],
)
def test_bad_bins(bins, error, message):
    with pytest.raises(error, match=message):
        hosmer_lemeshow_test(LABELS, probs=PROBS, bins=bins)
