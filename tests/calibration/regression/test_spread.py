"""Spiegelhalter's test against long arithmetic, MAPIE's known fault, and its law."""

import jax
import mpmath
import numpy as np
import pytest

from bcejax.calibration.regression.spread import spiegelhalter_test

RNG = np.random.default_rng(4)
N = 40
PROBS = RNG.random(N)
LABELS = (RNG.random(N) < PROBS).astype(float)
WEIGHTS = RNG.integers(0, 3, N).astype(float)


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def exact(labels, probs, weights):
    with mpmath.workdps(30):
        rows = [tuple(map(mpmath.mpf, each)) for each in zip(labels, probs, weights, strict=True)]
        top = sum(w * (y - p) * (1 - 2 * p) for y, p, w in rows)
        z = top / mpmath.sqrt(sum(w * (1 - 2 * p) ** 2 * p * (1 - p) for y, p, w in rows))
        return float(z), float(mpmath.erfc(abs(z) / mpmath.sqrt(2)))


def test_it_is_the_formula_from_either_scale():
    wanted = exact(LABELS, PROBS, WEIGHTS)
    logits = np.log(PROBS / (1 - PROBS))
    for scores in ({"probs": PROBS}, {"logits": logits}):
        test = spiegelhalter_test(LABELS, **scores, weights=WEIGHTS)
        np.testing.assert_allclose(test, wanted, rtol=1e-12)


def test_both_sides_count():
    """MAPIE 1.6.0 gives 1 - Phi(z) alone, which never rejects where z < 0."""
    for shift in (-3.0, 3.0):
        logits = np.log(PROBS / (1 - PROBS)) * np.exp(shift)
        labels = (PROBS > 0.5).astype(float) if shift < 0 else 1 - (PROBS > 0.5)
        test = spiegelhalter_test(labels, logits=logits)
        assert np.sign(test.statistic) == np.sign(shift)
        assert test.p_value < 0.01


def test_logits_keep_the_digits_that_probabilities_lose():
    logits = np.array([40.0, 45.0, -2.0])
    with mpmath.workdps(60):
        p = [1 / (1 + mpmath.exp(-mpmath.mpf(x))) for x in logits]
        top = sum((y - q) * (1 - 2 * q) for y, q in zip([0, 1, 0], p, strict=True))
        wanted = float(top / mpmath.sqrt(sum((1 - 2 * q) ** 2 * q * (1 - q) for q in p)))
    test = spiegelhalter_test([0, 1, 0], logits=logits)
    np.testing.assert_allclose(test.statistic, wanted, rtol=1e-14)


def test_certain_scores():
    assert np.isnan(spiegelhalter_test([1, 0], probs=[1.0, 0.0]).p_value)
    wrong = spiegelhalter_test([0, 0], probs=[1.0, 0.0])
    assert (wrong.statistic, wrong.p_value) == (np.inf, 0)
    assert np.isnan(spiegelhalter_test([1, 0], probs=[0.5, 0.5]).statistic)


def test_its_law_is_normal_under_the_null():
    drawn = (np.random.default_rng(0).random((2000, N)) < PROBS).astype(float)
    tests = jax.vmap(lambda labels: spiegelhalter_test(labels, probs=PROBS))(drawn)
    assert abs(np.mean(tests.statistic)) < 0.1
    assert abs(np.std(tests.statistic) - 1) < 0.06
    assert abs(np.mean(np.asarray(tests.p_value) < 0.1) - 0.1) < 0.03


def test_soft_labels_are_refused():
    with pytest.raises(ValueError, match=r"labels must be 0 or 1 here, found the soft label 0\.5"):
        spiegelhalter_test([0.5, 1], probs=[0.5, 0.2])
