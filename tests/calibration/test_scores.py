"""Scores against scikit-learn, against loops over pairs, and at the edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from bcejax.calibration.scores import accuracy, brier_score, log_score, roc_auc

N = 300
rng = np.random.default_rng(0)
P = np.round(rng.beta(0.6, 0.6, N), 2).clip(0.01, 0.99)  # many ties
Y = (rng.random(N) < P).astype(float)
W = rng.integers(0, 4, N).astype(float)
SOFT = np.round(rng.random(N), 1)

every = pytest.mark.parametrize("score", [log_score, brier_score, roc_auc, accuracy])


def pairs(y, s, w):
    """The area under the curve, by a sum over all pairs in float64."""
    wins = (s[:, None] > s[None]) + 0.5 * (s[:, None] == s[None])
    positive, negative = w * y, w * (1 - y)
    return positive @ wins @ negative / (positive.sum() * negative.sum())


@pytest.mark.parametrize(
    ("score", "peer"),
    [
        (log_score, metrics.log_loss),
        (brier_score, metrics.brier_score_loss),
        (roc_auc, metrics.roc_auc_score),
        (accuracy, lambda y, p, **w: metrics.accuracy_score(y, p >= 0.5, **w)),
    ],
)
def test_agrees_with_scikit_learn(score, peer):
    with jax.enable_x64(True):
        got = score(Y, probs=P, weights=W)
        logits = score(Y, logits=np.log(P / (1 - P)), weights=W)
    want = peer(Y, P, sample_weight=W)
    np.testing.assert_allclose(got, want, rtol=1e-14)
    # 1/2 is no logit of these probabilities, so that the decisions are the same
    np.testing.assert_allclose(logits, want, rtol=1e-13)


def test_area_is_the_sum_over_pairs():
    """Of soft labels, in float32; that of hard ones is scikit-learn's."""
    with jax.enable_x64(False):
        got = roc_auc(np.float32(SOFT), probs=np.float32(P), weights=np.float32(W))
    assert got.dtype == np.float32
    assert abs(float(got) - pairs(np.float64(np.float32(SOFT)), P, W)) <= 32 * 2**-23


def test_a_soft_label_is_a_share_of_either_class():
    """Each example twice, with label 1 and weight w y, and with label 0 and weight w (1 - y)."""
    once = {"probs": np.append(P, P), "weights": np.append(W, 0 * W)}
    twice = {"probs": np.append(P, P), "weights": np.append(W * SOFT, W * (1 - SOFT))}
    labels = np.append(np.ones(N), np.zeros(N))
    with jax.enable_x64(True):
        for score in (log_score, accuracy):
            got, want = score(np.append(SOFT, SOFT), **once), score(labels, **twice)
            np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize("y", [0, 1])
def test_one_class_has_no_area_but_scores(y):
    p = [0.25, 0.5, 0.5]
    assert np.isnan(roc_auc([y] * 3, probs=p))
    assert np.isnan(roc_auc([y, 1 - y, y], probs=p, weights=[1, 0, 1]))
    want = -np.log([[0.75, 0.25][y], 0.5, 0.5]).mean()
    np.testing.assert_allclose(log_score([y] * 3, probs=p), want, rtol=1e-6)
    np.testing.assert_allclose(brier_score([y], probs=p[:1]), (y - 0.25) ** 2)


def test_constant_scores_have_area_one_half():
    assert roc_auc([0, 1, 1], probs=[0.3] * 3) == 0.5
    assert roc_auc([0, 1, 1], logits=[np.inf] * 3) == 0.5
    assert roc_auc([0, 1, 1], logits=[-np.inf, 5.0, np.inf]) == 1


def test_certain_answers():
    certain = np.float32([-np.inf, np.inf])
    assert log_score([0, 1], logits=certain) == 0
    assert log_score([1, 1], logits=certain) == np.inf
    assert log_score([1, 0], probs=[1.0, 0.0]) == 0 == brier_score([1, 0], probs=[1.0, 0.0])
    assert log_score([0, 0], probs=[1.0, 0.0]) == np.inf
    assert brier_score([0, 0], probs=[1.0, 0.0]) == 0.5
    # one that does not count costs nothing
    assert log_score([1, 1], logits=certain, weights=[0, 1]) == 0
    assert log_score([1, 1], logits=certain, where=[False, True]) == 0


def test_from_logits_small_scores_keep_their_digits():
    x = np.float32([20.0, 40.0])
    exact = np.exp(-x.astype(float)) / (1 + np.exp(-x.astype(float)))
    np.testing.assert_allclose(brier_score([1, 1], logits=x), np.mean(exact**2), rtol=1e-6)
    np.testing.assert_allclose(log_score([1, 1], logits=x), np.mean(exact), rtol=1e-6)
    assert roc_auc([0, 1], logits=x) == 1  # both probabilities are 1 in float32


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float64])
def test_a_probability_on_the_threshold_decides_for_1(dtype):
    with jax.enable_x64(True):
        tenths = np.array([k / 10 for k in range(11)], dtype)
        for k in (1, 3, 7):
            decided = np.arange(11) >= k
            assert accuracy(decided, probs=tenths, threshold=k / 10) == 1
        odds = np.resize(np.log([1 / 9, 3 / 7, 1.0, 7 / 3, 9.0]).astype(dtype), 11)
        assert accuracy(np.resize([0, 0, 1, 1, 1], 11), logits=odds) == 1


def test_thresholds_0_and_1():
    assert accuracy([1, 1], logits=[-np.inf, 3.0], threshold=0) == 1
    assert accuracy([0, 1], logits=[100.0, np.inf], threshold=1) == 1
    assert accuracy([0, 1], probs=[0.99, 1.0], threshold=1) == 1


@pytest.mark.parametrize("threshold", [-0.1, 1.5, np.nan])
def test_a_threshold_outside_the_interval(threshold):
    with pytest.raises(ValueError, match=f"threshold {threshold} does not lie between 0 and 1"):
        accuracy([1], probs=[0.5], threshold=threshold)


def test_derivatives():
    y, x, w = jnp.array([0.0, 1.0, 0.3]), jnp.array([0.5, 2.0, -1.0]), jnp.array([1.0, 2.0, 0.0])
    p = 1 / (1 + np.exp(-np.asarray(x, float)))
    of_log = jax.jit(jax.grad(lambda x, w: log_score(y, logits=x, weights=w), (0, 1)))
    by_logit, by_weight = of_log(x, w)
    np.testing.assert_allclose(by_logit, w * (p - y) / 3, rtol=1e-5, atol=1e-7)
    by_logit = jax.jit(jax.grad(lambda x: brier_score(y, logits=x, weights=w)))(x)
    np.testing.assert_allclose(by_logit, w * 2 * (p - y) * p * (1 - p) / 3, rtol=1e-5, atol=1e-7)
    # in a weight of 0 too: (loss - score) / sum of weights
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    np.testing.assert_allclose(by_weight, (loss - w @ loss / 3) / 3, rtol=1e-5)
    step = 1e-3
    slopes = jax.jit(jax.grad(lambda y, w: roc_auc(y, logits=x, weights=w), (0, 1)))
    for argument, slope in enumerate(slopes(jnp.array([0.2, 0.7, 0.3]), w + 1)):
        for i in range(3):
            at = [np.array([0.2, 0.7, 0.3]), np.asarray(w) + 1.0]
            ends = []
            for sign in (1, -1):
                moved = [each.copy() for each in at]
                moved[argument][i] += sign * step
                ends.append(pairs(moved[0], np.asarray(x), moved[1]))
            np.testing.assert_allclose(slope[i], (ends[0] - ends[1]) / (2 * step), atol=1e-5)


@every
def test_percentages_are_refused(score):
    with pytest.raises(ValueError, match="divide percentages by 100"):
        score([0, 1], probs=[15.0, 85.0])
