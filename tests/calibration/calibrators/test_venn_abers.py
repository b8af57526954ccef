"""Venn-Abers against its definition: isotonic regression with the new example added."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from bcejax.calibration.calibrators.venn_abers import CrossVennAbers, VennAbers

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
TOLERANCE = 1e-12 if jax.config.jax_enable_x64 else 2e-6
SIZE = 24


def brute(x, y, w, at):
    """p0 and p1 (m, 2) by one fit for each new score and label."""
    x, y, w = (each[w > 0].astype(float) for each in (x, y, w))

    def value(score, label):
        fit = IsotonicRegression().fit(
            np.append(x, score), np.append(y, label), sample_weight=np.append(w, 1)
        )
        return fit.predict([score])[0]

    return np.array([[value(score, label) for label in (0, 1)] for score in at])


def sample(seed):
    """Ties, soft labels or hard, real or whole weights with zeros, skewed classes."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, rng.integers(1, 30), SIZE).astype(float)
    share = rng.choice([0.1, 0.5, 0.9]) / (1 + np.exp(-(x - x.mean())))
    y = rng.random(SIZE).round(2) if seed % 3 == 0 else (rng.random(SIZE) < share).astype(float)
    w = rng.choice([0, 0.5, 1, 2, 3.25], SIZE) if seed % 2 else np.ones(SIZE)
    return x.astype(DTYPE), y.astype(DTYPE), w.astype(DTYPE)


AT = np.concatenate([[-1], np.arange(0, 31, 0.5)]).astype(DTYPE)


def interval(y, x, at):
    """Of few examples at few places, in the shapes of all others, so that each is compiled once."""
    labels, logits, weights = np.zeros((3, SIZE), DTYPE)
    labels[: len(y)], logits[: len(y)], weights[: len(y)] = y, x, 1
    fit = VennAbers.fit(labels, logits=logits, weights=weights)
    return [np.asarray(p)[: len(at)] for p in fit.interval(np.resize(at, len(AT)).astype(DTYPE))]


@pytest.mark.parametrize("seed", range(24))
def test_both_probabilities_equal_brute_force(seed):
    x, y, w = sample(seed)
    at = AT
    fit = VennAbers.fit(y, logits=x, weights=w)
    p0, p1 = fit.interval(at)
    want = brute(x, y, w, at)
    np.testing.assert_allclose(np.stack([p0, p1], 1), want, rtol=0, atol=TOLERANCE)
    merged = want[:, 1] / (1 - want[:, 0] + want[:, 1])
    np.testing.assert_allclose(fit.probs(logits=at), merged, rtol=0, atol=TOLERANCE)


def test_intervals_are_ordered_and_never_decrease():
    x, y, w = sample(7)
    p0, p1 = VennAbers.fit(y, logits=x, weights=w).interval(AT)
    assert (p0 < p1).all()
    assert (np.diff(p0) >= 0).all()
    assert (np.diff(p1) >= 0).all()


def test_agrees_with_the_peer():
    """The venn-abers package 1.5.4."""
    x = np.arange(-4, 6) / 2
    y = [0, 1, 0, 0, 1, 0, 1, 1, 0, 1]
    p0, p1 = interval(y, x, [-1.2, -0.2, 0.3, 1.5, 1.9, 9.0])
    np.testing.assert_allclose(p0, [1 / 4, 1 / 4, 1 / 3, 1 / 2, 1 / 2, 3 / 5], atol=1e-6)
    np.testing.assert_allclose(p1, [1 / 2, 2 / 3, 2 / 3, 3 / 4, 3 / 4, 1], atol=1e-6)


def test_at_infinite_scores_as_at_any_other():
    x = np.array([-np.inf, -1, 1, np.inf], DTYPE)
    at = np.array([-np.inf, 0, np.inf], DTYPE)
    finite = brute(np.array([-9.0, -1, 1, 9]), np.array([0, 1, 0, 1.0]), np.ones(4), [-9, 0, 9])
    got = interval([0, 1, 0, 1], x, at)
    np.testing.assert_allclose(np.stack(got, 1), finite, atol=TOLERANCE)


def test_long_real_weighted_sums_keep_their_digits():
    """In float32 a plain running sum would misplace the last of 3e5 weights by percents."""
    rng = np.random.default_rng(0)
    n = 300_000
    x = np.arange(n, dtype=np.float32)
    y = (rng.random(n) < 0.5 + 0.45 * (x > n - 20)).astype(np.float32)
    w = rng.uniform(0.1, 1.7, n).astype(np.float32)
    at = np.array([n - 19, n - 10, n - 2], np.float32)
    p0, p1 = VennAbers.fit(y, logits=x, weights=w).interval(at)
    want = brute(x, y, w, at)
    np.testing.assert_allclose(np.stack([p0, p1], 1), want, atol=3e-6)


def test_cross_form_takes_geometric_means():
    x, y, w = sample(1)
    fold = np.arange(SIZE) % 3
    at = AT
    fit = CrossVennAbers.fit(y, logits=x, weights=w, folds=3, fold=fold)
    p0, p1 = np.stack([brute(x, y, np.where(fold == k, w, 0), at) for k in range(3)]).T
    up, down = np.exp(np.log(p1).mean(-1)), np.exp(np.log1p(-p0).mean(-1))
    np.testing.assert_allclose(fit.probs(logits=at), up / (up + down), rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fit.interval(at).p0, 1 - down, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fit.interval(at).p1, up, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(fit.across(np.stack([at] * 3)), fit(at))
    with pytest.raises(ValueError, match=r"logits have shape \(2,\); there must be 3 rows"):
        fit.across(jnp.zeros(2))


def test_a_key_deals_folds_of_equal_size():
    x, y, w = sample(1)
    key = jax.random.key(3)
    fold = jax.random.permutation(key, jnp.arange(SIZE) % 3)
    dealt, given = (
        CrossVennAbers.fit(y, logits=x, weights=w, folds=3, **options)(AT)
        for options in ({"key": key}, {"fold": fold})
    )
    np.testing.assert_array_equal(dealt, given)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"folds": 0, "fold": [0, 0]}, ValueError, "folds is 0; there must be 1 or more"),
        ({"folds": 2}, ValueError, "exactly one of fold= and key=; neither came"),
        ({"folds": 2, "fold": [0, 2]}, ValueError, r"fold must lie in 0..1; 0 to 2 came"),
        ({"folds": 2, "fold": [0]}, ValueError, r"fold has shape \(1,\) and labels \(2,\)"),
        ({"folds": 2, "fold": [0.0, 1.0]}, TypeError, "it must be an integer"),
    ],
)
def test_bad_folds_are_named(options, error, message):
    with pytest.raises(error, match=message):
        CrossVennAbers.fit([0, 1], logits=[0.0, 1.0], **options)
