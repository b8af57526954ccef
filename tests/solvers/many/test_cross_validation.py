"""Cross-validation against a loop of single fits, and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_score

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.many.cross_validation import cross_validate

N, D, K = 60, 3, 3
RNG = np.random.default_rng(2)
X = RNG.normal(size=(N, D)) + np.array([0, 3, 0])
Y = (RNG.random(N) < 1 / (1 + np.exp(-1.5 * X[:, 0]))).astype(float)
W = RNG.integers(0, 3, N).astype(float)
FOLDS = RNG.integers(0, K, N)
GRID = np.array([0.01, 3.0, 1e-4, 0.1])
GIVEN = {"inputs": X, "labels": Y, "grid": GRID, "folds": FOLDS}


@pytest.fixture(scope="module")
def found():
    return cross_validate(**GIVEN, weights=W)


def looped(l1_ratio=0.0, losses_of=lambda z, y: np.logaddexp(0, z) - y * z):
    """Losses (G, K) of single fits, and their coefficients."""
    losses, coefficients = np.empty((len(GRID), K)), np.empty((len(GRID), K, D))
    for g, penalty in enumerate(GRID):
        for k in range(K):
            fit = fit_logistic(
                X,
                Y,
                weights=np.where(k == FOLDS, 0, W),
                l2=(1 - l1_ratio) * penalty,
                l1=l1_ratio * penalty,
            )
            held = k == FOLDS
            logits = X[held] @ fit.coefficients + fit.intercept
            losses[g, k] = np.average(losses_of(logits, Y[held]), weights=W[held])
            coefficients[g, k] = fit.coefficients
    return losses, coefficients


def test_fits_and_losses_are_those_of_a_loop(found):
    losses, coefficients = looped()
    assert (found.fits.status == SolverStatus.CONVERGED).all()
    np.testing.assert_allclose(found.fits.coefficients, coefficients, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-8)
    assert found.losses.dtype == np.float64


def test_a_fold_without_weight_has_no_say():
    apart = (X[:, 0] > 0) * 1.0  # so that without a penalty there is no fit
    given = {"labels": apart, "grid": [0.0, 0.01, 1.0, 10.0], "folds": np.arange(N) % 3}
    masked = cross_validate(X, **given, where=np.arange(N) % 3 != 2)
    left = np.arange(N) % 3 != 2
    alone = cross_validate(X[left], apart[left], grid=given["grid"], folds=given["folds"][left])
    assert masked.best == alone.best == 1
    assert np.isinf(masked.mean[0])
    np.testing.assert_allclose(masked.mean[1:], alone.mean[1:], rtol=1e-8)
    np.testing.assert_allclose(masked.standard_error[1:], alone.standard_error[1:], rtol=1e-7)


def test_means_and_errors_weigh_the_folds(found):
    shares = np.array([W[k == FOLDS].sum() for k in range(K)]) / W.sum()
    mean = found.losses @ shares
    variance = ((found.losses - mean[:, None]) ** 2) @ shares / (K - 1)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.standard_error, np.sqrt(variance), rtol=1e-12)


def test_the_best_penalty_and_the_largest_within_one_error(found):
    best = np.argmin(found.mean)
    within = found.mean <= found.mean[best] + found.standard_error[best]
    assert found.best == best
    assert GRID[found.one_standard_error] == GRID[within].max()


def test_the_refit_is_of_all_data(found):
    for g, penalty in enumerate(GRID):
        want = fit_logistic(X, Y, weights=W, l2=penalty)
        np.testing.assert_allclose(found.path.coefficients[g], want.coefficients, rtol=1e-7)
    np.testing.assert_array_equal(found.solution.coefficients, found.path.coefficients[found.best])


def test_without_an_intercept():
    found = cross_validate(**GIVEN, intercept=False)
    assert not found.fits.intercept.any()
    left = FOLDS != 1
    want = fit_logistic(X[left], Y[left], l2=GRID[3], intercept=False)
    np.testing.assert_allclose(found.fits.coefficients[3, 1], want.coefficients, rtol=1e-7)


def test_scikit_learn_scores_alike():
    found = cross_validate(**GIVEN)
    for k in range(K):
        n = (k != FOLDS).sum()
        peer = LogisticRegression(C=1 / (GRID[0] * n), solver="newton-cholesky", tol=1e-12)
        only = PredefinedSplit(np.where(k == FOLDS, 0, -1))
        score = cross_val_score(peer, X, Y, cv=only, scoring="neg_log_loss")
        np.testing.assert_allclose(found.losses[0, k], -score[0], rtol=1e-8)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_l1_and_both(l1_ratio):
    found = cross_validate(**GIVEN, weights=W, l1_ratio=l1_ratio)
    losses, coefficients = looped(l1_ratio)
    np.testing.assert_allclose(found.fits.coefficients, coefficients, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-6)
    assert (found.fits.coefficients[1] == 0).all()
    assert found.path.status.shape == (len(GRID),)


def test_brier_score():
    found = cross_validate(**GIVEN, weights=W, score="brier")
    losses, _ = looped(losses_of=lambda z, y: (1 / (1 + np.exp(-z)) - y) ** 2)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-8)


def test_one_class_without_a_fold_is_flagged():
    folds = np.where(Y == 1, 0, 1 + np.arange(N) % 2)
    found = cross_validate(X, Y, grid=GRID, folds=folds)
    assert (found.fits.status[:, 0] == SolverStatus.SEPARATED).all()
    assert (found.fits.status[:, 1:] == SolverStatus.CONVERGED).all()
    assert np.isinf(found.losses[:, 0]).all()
    assert np.isinf(found.mean).all()
    assert np.isfinite(found.losses[:, 1:]).all()
    assert found.solution.status == SolverStatus.CONVERGED


def test_a_penalty_without_a_fit_is_not_chosen():
    labels = (X[:, 0] > 0).astype(float)
    found = cross_validate(X, labels, grid=[0.0, 0.01, 0.1, 1.0], folds=FOLDS)
    assert (found.fits.status[0] == SolverStatus.SEPARATED).all()
    assert np.isinf(found.mean[0])
    assert found.best > 0
    assert found.solution.status == SolverStatus.CONVERGED


def test_dealt_folds_are_even_and_the_same_again():
    found, again = (cross_validate(X, Y, grid=GRID, folds=K, seed=5) for _ in range(2))
    other = cross_validate(X, Y, grid=GRID, folds=K, seed=6)
    assert np.array_equal(found.losses, again.losses)
    assert not np.isclose(found.losses, other.losses).any()


def test_more_folds_than_a_class_has_rows():
    labels = (np.arange(N) < 2).astype(float)
    found = cross_validate(X, labels, grid=GRID, folds=K)
    assert found.losses.shape == (len(GRID), K)


def test_without_columns_the_intercept_is_judged():
    found = cross_validate(X[:, :0], Y, grid=GRID, folds=K)
    assert found.fits.coefficients.shape == (len(GRID), K, 0)
    assert np.ptp(found.mean) < 1e-12


def test_nan_under_where():
    where = np.arange(N) % 4 > 0
    inputs = np.where(where[:, None], X, np.nan)
    found = cross_validate(inputs, Y, grid=GRID, folds=FOLDS, where=where)
    want = cross_validate(X, Y, grid=GRID, folds=FOLDS, weights=where.astype(float))
    np.testing.assert_allclose(found.mean, want.mean, rtol=1e-9)


def test_it_can_be_traced():
    given = [jax.ShapeDtypeStruct(np.shape(each), jnp.float32) for each in (X, Y, W, GRID)]
    found = jax.eval_shape(
        lambda x, y, w, grid: cross_validate(x, y, grid=grid, folds=FOLDS, weights=w), *given
    )
    assert found.losses.shape == (len(GRID), K)
    assert found.fits.coefficients.shape == (len(GRID), K, D)
    assert found.mean.dtype == jnp.float32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": csr_matrix(X)}, "inputs must be dense"),
        ({"grid": []}, r"grid must be \(G,\) with G >= 1, got \(0,\)"),
        ({"grid": 0.1}, r"grid must be \(G,\) with G >= 1, got \(\)"),
        ({"grid": [0.1, -1.0]}, "grid must be finite and >= 0, got -1.0"),
        ({"l1_ratio": 1.5}, r"l1_ratio must lie in \[0, 1\], got 1.5"),
        ({"score": "auc"}, r"score 'auc' is not one of \['log', 'brier'\]"),
        ({"folds": 1}, "folds must be a whole number between 2 and that of examples, 60, got 1"),
        ({"folds": 2.5}, "got 2.5"),
        ({"folds": 61}, "got 61"),
        ({"folds": np.nan}, "got nan"),
        ({"folds": FOLDS, "weights": FOLDS == 2}, "fold 2 holds all examples that have weight"),
        ({"folds": FOLDS[:-1]}, r"folds must be a whole number or \(60,\), got \(59,\)"),
        ({"folds": FOLDS + 1}, "numbered from 0 to K - 1"),
        ({"folds": np.zeros(N, int)}, "K >= 2"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        cross_validate(**{**GIVEN, **given})
