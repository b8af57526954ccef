"""The elastic net on the host, held against its optimality conditions, mpmath and scikit-learn."""

import mpmath
import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from bcejax.solvers.engines import working_set
from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.status import SolverStatus

N, D = 120, 6


def data(seed=0, n=N, d=D):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((n, d))
    logits = inputs[:, 0] * 2 - inputs[:, 1]
    return inputs, (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(float)


def misses(inputs, labels, fit, l1, l2=0.0, weights=None, offset=0.0):
    """How far each derivative of F is from what the optimum takes, in plain NumPy."""
    w = np.ones(len(labels)) if weights is None else weights
    b, c = fit.coefficients, fit.intercept
    residuals = w / w.sum() * (1 / (1 + np.exp(-(inputs @ b + c + offset))) - labels)
    slope = inputs.T @ residuals + l2 * b
    beyond = np.maximum(np.abs(slope) - l1, 0)
    return np.where(b != 0, np.abs(slope + l1 * np.sign(b)), beyond), abs(residuals.sum())


def fitted(inputs, labels, **given):
    return fit_logistic(inputs, labels, solver="proximal_newton", **given)


def name(solution):
    return SolverStatus(int(solution.status)).name


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("shape", [(N, D), (40, 200), (40, 41)])
def test_optimality(shape, l2):
    inputs, labels = data(1, *shape)
    weights = np.random.default_rng(2).integers(0, 4, shape[0]).astype(float)
    offset = np.linspace(-1, 1, shape[0])
    fit = fitted(inputs, labels, l1=0.02, l2=l2, weights=weights, offset=offset)
    slopes, mean = misses(inputs, labels, fit, 0.02, l2, weights, offset)
    assert name(fit) == "CONVERGED"
    assert max(slopes.max(), mean) < 3e-9
    assert 0 < np.count_nonzero(fit.coefficients) < shape[1]
    assert 0 <= fit.duality_gap < 1e-7
    assert fit.coefficients.dtype == np.float64


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_equals_scikit_learn(l1_ratio):
    inputs, labels = data(3)
    inputs -= 0.2
    penalty = 0.04
    peer = LogisticRegression(
        C=1 / (N * penalty),
        l1_ratio=l1_ratio,
        solver="saga",
        tol=1e-13,
        max_iter=20_000,
    ).fit(inputs, labels)
    fit = fitted(inputs, labels, l1=penalty * l1_ratio, l2=penalty * (1 - l1_ratio))
    np.testing.assert_allclose(fit.coefficients, peer.coef_[0], atol=1e-7)
    np.testing.assert_allclose(fit.intercept, peer.intercept_[0], atol=1e-7)
    assert np.array_equal(fit.coefficients == 0, np.abs(peer.coef_[0]) < 1e-10)


def test_equals_forty_digits():
    inputs, labels = data(4, 30, 2)
    l1 = 0.05
    fit = fitted(inputs, labels, l1=l1)
    signs = [int(s) for s in np.sign(fit.coefficients)]
    assert 0 not in signs  # so that the optimum is a root of smooth equations
    with mpmath.workdps(40):

        def equations(b0, b1, c):
            residuals = [
                1 / (1 + mpmath.exp(-(float(x[0]) * b0 + float(x[1]) * b1 + c))) - y
                for x, y in zip(inputs, labels.tolist(), strict=True)
            ]
            sums = [
                mpmath.fsum(r * float(x[j]) for r, x in zip(residuals, inputs, strict=True))
                for j in range(2)
            ]
            slopes = [s / 30 + l1 * sign for s, sign in zip(sums, signs, strict=True)]
            return [*slopes, mpmath.fsum(residuals) / 30]

        root = mpmath.findroot(equations, [*fit.coefficients.tolist(), float(fit.intercept)])
        want = np.array([float(each) for each in root])
    np.testing.assert_allclose([*fit.coefficients, fit.intercept], want, atol=3e-8)


def test_nothing_is_left_from_the_largest_l1_on():
    inputs, labels = data()
    largest = np.max(np.abs((labels.mean() - labels) @ inputs)) / N
    for l1 in (largest * (1 + 1e-9), 1e3):
        fit = fitted(inputs, labels, l1=l1)
        assert not np.any(fit.coefficients)
        np.testing.assert_allclose(fit.intercept, np.log(labels.mean() / (1 - labels.mean())))
        assert name(fit) == "CONVERGED"
    assert np.count_nonzero(fitted(inputs, labels, l1=largest * 0.999).coefficients) == 1


def test_weight_zero_hides_anything():
    inputs, labels = data()
    shown = np.arange(N) % 3 > 0
    spoilt = np.where(shown[:, None], inputs, np.nan)
    fit = fitted(spoilt, labels, l1=0.02, where=shown)
    want = fitted(inputs[shown], labels[shown], l1=0.02)
    np.testing.assert_allclose(fit.coefficients, want.coefficients, atol=1e-8)


def test_without_intercept():
    inputs, labels = data()
    fit = fitted(inputs, labels, l1=0.02, intercept=False)
    assert fit.intercept == 0
    assert misses(inputs, labels, fit, 0.02)[0].max() < 3e-9


def test_equal_columns_share():
    inputs, labels = data()
    twice = np.column_stack([inputs[:, 0], inputs])
    fit, one = fitted(twice, labels, l1=0.02), fitted(inputs, labels, l1=0.02)
    assert name(fit) == "SINGULAR"
    np.testing.assert_allclose(fit.coefficients[:2], one.coefficients[0] / 2, rtol=1e-6)
    np.testing.assert_allclose(fit.value, one.value, rtol=1e-12)
    along = fit.direction * 0.1
    moved = fit.coefficients + along[:-1]
    assert np.abs(twice @ along[:-1] + along[-1]).max() < 1e-12 < np.abs(along).max()
    np.testing.assert_allclose(np.abs(moved).sum(), np.abs(fit.coefficients).sum(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_columns_alike_for_their_means_do_not_depend(seed):
    rng = np.random.default_rng(seed)
    fit = fitted(rng.normal(1000, 1, (5, 3)), [0, 1, 1, 0, 1], l1=1e-3, intercept=False)
    assert name(fit) == "CONVERGED"
    assert not np.any(fit.direction)


def test_a_larger_copy_wins():
    inputs, labels = data()
    fit = fitted(np.column_stack([inputs[:, 0] * 2, inputs]), labels, l1=0.02)
    assert name(fit) == "CONVERGED"
    assert fit.coefficients[0] != 0 == fit.coefficients[1]


def test_ridge_makes_one_optimum():
    inputs, labels = data()
    fit = fitted(np.column_stack([inputs[:, 0], inputs]), labels, l1=0.02, l2=0.01)
    assert name(fit) == "CONVERGED"
    np.testing.assert_allclose(fit.coefficients[0], fit.coefficients[1], rtol=1e-7)


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-4])
def test_columns_too_alike_for_float32(noise):
    inputs, labels = data()
    inputs[:, 2] = inputs[:, 0] + noise * inputs[:, 2]
    fit = fitted(inputs, labels, l1=1e-4)
    assert name(fit) == "CONVERGED"
    assert misses(inputs, labels, fit, 1e-4)[0].max() < 1e-8


def test_units_of_columns():
    inputs, labels = data()
    units = 10.0 ** np.array([-8, -3, 0, 3, 8, 1])
    fit = fitted(inputs * units, labels, l1=1e-6)
    slopes, mean = misses(inputs * units, labels, fit, 1e-6)
    assert name(fit) == "CONVERGED"
    assert max((slopes / units).max(), mean) < 3e-9


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class(label):
    fit = fitted(data()[0], np.full(N, label), l1=0.02)
    assert name(fit) == "SEPARATED"
    assert not np.any(fit.coefficients)
    assert fit.direction[-1] == 2 * label - 1
    assert np.isfinite(fit.intercept)


def test_soft_labels_of_one_value_have_an_optimum():
    inputs, _ = data()
    fit = fitted(inputs, np.full(N, 0.25), l1=0.02)
    assert name(fit) == "CONVERGED"
    np.testing.assert_allclose(fit.intercept, np.log(1 / 3), rtol=1e-8)


def test_few_steps_are_said():
    inputs, labels = data()
    assert name(fitted(inputs, labels, l1=0.001, max_steps=1)) == "MAX_STEPS"


def test_nan_is_named():
    inputs, labels = data()
    inputs[3, 2] = np.nan
    with pytest.raises(ValueError, match="row 3, column 2"):
        fitted(inputs, labels, l1=0.02)


def test_many_examples_start_from_a_sample():
    inputs, labels = data(5, working_set.MANY + 3, 8)
    fit = fitted(inputs, labels, l1=0.01)
    assert name(fit) == "CONVERGED"
    assert misses(inputs, labels, fit, 0.01)[0].max() < 3e-9
    assert fit.steps <= 4


def test_a_sample_of_one_class_is_no_start():
    inputs, labels = data(5, working_set.MANY, 2)
    labels[::16] = 1
    fit = fitted(inputs, labels, l1=0.01)
    assert misses(inputs, labels, fit, 0.01)[0].max() < 3e-9


def test_sparse_rows():
    inputs, labels = data(6)
    inputs *= np.random.default_rng(7).random(inputs.shape) < 0.3
    want, got = (fitted(each, labels, l1=0.01) for each in (inputs, scipy.sparse.csr_array(inputs)))
    np.testing.assert_allclose(got.coefficients, want.coefficients, atol=1e-12)
    assert got.status == want.status


@pytest.mark.parametrize("seed", range(6))
def test_little_holds_back_labels_told_apart(seed):
    """More columns than examples: without l1 there is no optimum, and H is flat."""
    inputs, labels = data(seed, 30, 50)
    l1 = 1e-5
    fit = fitted(inputs, labels, l1=l1)
    assert name(fit) == "CONVERGED"
    assert misses(inputs, labels, fit, l1)[0].max() < 3e-9
    assert fit.duality_gap < 1e-6


def test_more_columns_than_the_first_set():
    inputs, labels = data(8, 150, 600)
    fit = fitted(inputs, labels, l1=1e-3)
    assert np.count_nonzero(fit.coefficients) > working_set.FIRST / 2
    assert misses(inputs, labels, fit, 1e-3)[0].max() < 1e-8
    again = fitted(inputs, labels, l1=1e-3, init=fit)
    assert again.steps <= 1
    assert np.array_equal(again.coefficients == 0, fit.coefficients == 0)
