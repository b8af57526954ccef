"""Cross-fitting against a loop over the folds."""

import jax
import numpy as np
import pytest

from bcejax.calibration.calibrators import TemperatureScaling
from bcejax.calibration.calibrators.cross_fitting import cross_fitted_logits, deal_folds
from bcejax.calibration.examples import as_examples

RNG = np.random.default_rng(5)
PROBS = RNG.uniform(0.01, 0.99, 300)
LABELS = (RNG.random(300) < PROBS).astype(float)
WEIGHTS = np.where(np.arange(300) < 6, 0, 1.0 + np.arange(300) % 2)


@pytest.fixture(autouse=True, scope="module")
def _double():
    """One dtype and one size here and in the tests of the report: all compile the same."""
    with jax.enable_x64(True):
        yield


KEY = jax.random.key(1)


def test_it_is_a_loop_over_folds():
    given = {"probs": PROBS, "weights": WEIGHTS}
    found = np.asarray(cross_fitted_logits(TemperatureScaling, LABELS, **given, key=KEY, folds=5))
    fold = np.asarray(deal_folds(as_examples(LABELS, **given), 5, KEY))
    logits = np.log(PROBS) - np.log1p(-PROBS)
    for k in range(5):
        others = TemperatureScaling.fit(LABELS, probs=PROBS, weights=WEIGHTS * (fold != k))
        expected = np.asarray(others(logits))
        np.testing.assert_allclose(found[fold == k], expected[fold == k], rtol=1e-10)


def test_each_class_is_dealt_evenly():
    examples = as_examples(LABELS, probs=PROBS, weights=WEIGHTS)
    fold = np.asarray(deal_folds(examples, 4, KEY))
    for label in (0, 1):
        sizes = np.bincount(fold[(label == LABELS) & (WEIGHTS > 0)], minlength=4)
        assert sizes.max() - sizes.min() <= 1
    again = np.asarray(deal_folds(examples, 4, jax.random.key(2)))
    assert (again != fold).any()


def test_the_shape_of_the_labels_is_kept():
    found = cross_fitted_logits(
        TemperatureScaling, LABELS.reshape(30, 10), probs=PROBS.reshape(30, 10), key=KEY, folds=5
    )
    assert found.shape == (30, 10)


@pytest.mark.parametrize(
    ("folds", "error", "message"),
    [
        (1, ValueError, "folds is 1; there must be 2 or more"),
        (295, ValueError, "folds is 295; only 294 examples count"),
        (2.5, TypeError, r"folds is 2\.5; it must be an integer"),
    ],
)
def test_too_few_or_too_many_folds(folds, error, message):
    given = {"probs": PROBS, "weights": WEIGHTS, "key": KEY}
    with pytest.raises(error, match=message):
        cross_fitted_logits(TemperatureScaling, LABELS, **given, folds=folds)
