"""Mixtures against arbitrary precision, at ordinary logits and where probabilities round to 1."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.special import entr, expit, xlog1py

from bcejax.calibration import TemperatureScaling, expected_calibration_error, log_score
from bcejax.training.ensembles import decompose_entropy, mean_logits, mean_probs, spread

EPS = np.finfo(np.float32).eps
RNG = np.random.default_rng(0)
M, N = 4, 240  # of one shape, so that all share compiled programs


def draw():
    """Members that agree and that do not, near 0, in both tails, at every scale."""
    centre = RNG.standard_normal(N) * 10.0 ** RNG.uniform(-4, 2, N)
    return (centre + RNG.standard_normal((M, N)) * 10.0 ** RNG.uniform(-4, 1.5, N)).astype("f4")


X = draw()


def exact(x):
    """P, 1 - P and X of one example."""
    with mpmath.workdps(120):
        ones, zeros = (
            mpmath.fsum(1 / (1 + mpmath.exp(s * mpmath.mpf(float(each)))) for each in x)
            for s in (-1, 1)
        )
        return ones / len(x), zeros / len(x), mpmath.log(ones / zeros)


EXACT = [exact(column) for column in X.T]


def test_the_logit_of_the_mean_keeps_its_digits():
    got = np.asarray(mean_logits(X), np.float64)
    want = np.array([float(logit) for *_, logit in EXACT])
    scale = np.maximum(np.abs(want), np.abs(np.tanh(X.astype(float) / 2)).mean(0))
    assert np.abs(want).max() > 100
    assert (np.abs(got - want) / (EPS * scale)).max() <= 8


def test_the_mean_probability_keeps_its_digits():
    got = np.asarray(mean_probs(X), np.float64)
    want = np.array([float(p) for p, *_ in EXACT])
    normal = want > np.finfo(np.float32).tiny * M
    assert (np.abs(got - want)[normal] / np.spacing(want[normal].astype("f4"))).max() <= M + 2


def rarer():
    """Probabilities of the label that is the rarer one, in float64."""
    signs = np.array([-1 if logit > 0 else 1 for *_, logit in EXACT])
    return expit(signs * X.astype(float))


def test_the_spread_is_that_of_the_rarer_label():
    q = rarer()
    size = np.sqrt((q**2).mean(0))
    seen = size > 1e-30
    assert (np.abs(spread(X) - q.std(0)) / (EPS * size))[seen].max() <= M + 4
    np.testing.assert_allclose(spread(X)[seen], spread(-X)[seen], rtol=1e-5, atol=1e-30)


def test_entropies_and_their_difference():
    q = rarer()

    def entropy(p):
        return entr(p) - xlog1py(1 - p, -p)

    parts = decompose_entropy(X)
    seen = q.max(0) > 1e-30
    np.testing.assert_allclose(parts.total[seen], entropy(q.mean(0))[seen], rtol=4e-6)
    own = entropy(expit(-np.abs(X.astype(float)))).mean(0)
    np.testing.assert_allclose(parts.expected[seen], own[seen], rtol=4e-6)
    sums = np.asarray(parts.expected) + parts.mutual_information
    np.testing.assert_allclose(sums[seen], parts.total[seen], rtol=4e-6)
    assert (np.asarray(parts.mutual_information) >= 0).all()


def alike(pair):
    """The mixture of two members, in the shape of all others: each twice, and zeros beside."""
    logits = np.zeros((M, N), np.float32)
    logits[:, : len(pair[0])] = np.tile(np.float32(pair), (M // 2, 1))
    return logits


def test_a_small_disagreement_is_not_the_rounding_of_entropies():
    """The mutual information of p +- d is d^2 / (2 p (1 - p)) to first order."""
    logits = alike([[1.0], [1.0 + 2e-4]])
    p, d = expit(1.0001), 1e-4 * expit(1.0001) * expit(-1.0001)
    got = decompose_entropy(logits).mutual_information[0]
    assert float(got) == pytest.approx(d**2 / (2 * p * (1 - p)), rel=5e-3)  # of digits in 2e-4


def test_certain_members():
    inf = np.inf
    x = alike([[inf, -inf, inf, 0, np.nan], [inf, -inf, -inf, inf, 0]])
    np.testing.assert_allclose(mean_logits(x)[:4], [inf, -inf, 0, np.log(3)], rtol=4 * EPS)
    np.testing.assert_allclose(mean_probs(x)[:4], [1, 0, 0.5, 0.75], rtol=EPS)
    np.testing.assert_allclose(spread(x)[:4], [0, 0, 0.5, 0.25], rtol=EPS)
    parts = decompose_entropy(x)
    np.testing.assert_allclose(parts.mutual_information[:3], [0, 0, np.log(2)], rtol=4 * EPS)
    for each in (mean_logits(x), mean_probs(x), spread(x), *parts):
        assert np.isnan(each[4])


def test_gradients_are_the_members_shares():
    """dX / dx_i = p_i (1 - p_i) / (m P (1 - P)), on both sides of the change of formula."""
    x = np.array([[0.3, 4.0, -9.0], [-0.2, 6.0, 2.0], [0.1, 30.0, 1.0]])
    with jax.enable_x64(True):
        got = jax.jit(jax.grad(lambda x: mean_logits(x).sum()))(jnp.array(x))
    want = expit(x) * expit(-x) / (3 * expit(x).mean(0) * expit(-x).mean(0))
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_calibration_takes_the_mean_by_its_logits():
    logits = mean_logits(X)
    labels = (RNG.random(N) < expit(X.mean(0) / 3)).astype(np.float32)
    labels[np.argmax(logits)] = 0
    by_logits = expected_calibration_error(labels, logits=logits)
    by_probs = expected_calibration_error(labels, probs=mean_probs(X))
    np.testing.assert_allclose(by_logits, by_probs, rtol=1e-4)
    # a certain and wrong answer is infinite by the rounded probability, and finite by the logit
    assert np.isinf(log_score(labels, probs=mean_probs(X)))
    chances = [p if y else q for (p, q, _), y in zip(EXACT, labels, strict=True)]
    want = np.mean([-float(mpmath.log(chance)) for chance in chances])
    assert float(log_score(labels, logits=logits)) == pytest.approx(want, rel=1e-5)
    assert 0 < TemperatureScaling.fit(labels, logits=logits).params["inverse_temperature"] < 1


@pytest.mark.parametrize("function", [mean_logits, mean_probs, spread, decompose_entropy])
def test_refuses_in_one_line(function):
    with pytest.raises(TypeError, match=r"^logits must be floats, got int32"):
        function(np.zeros((2, 3), np.int32))
    with pytest.raises(
        ValueError, match=r"^logits must be \(members, ...\) with a member at least"
    ):
        function(np.zeros((0, 3), np.float32))
    with pytest.raises(
        ValueError, match=r"^logits must be \(members, ...\) with a member at least"
    ):
        function(np.float32(0))
