"""Many fits at once against each fit by itself, and against scikit-learn on copied rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.many import weighted as module
from bcejax.solvers.many.weighted import weighted_fits

N, D, M = 60, 3, 16
RNG = np.random.default_rng(2)
X = RNG.normal(size=(N, D)) * [1, 30, 0.01] + [0, 200, 0]
Y = (RNG.random(N) < 1 / (1 + np.exp(-1.5 * X[:, 0]))).astype(float)
SEPARATED, ONE_CLASS, FEW, PLAIN = 0, 1, 2, 3


def weight_matrix():
    """Resamples, but first some that have no single optimum, and one of the data."""
    counts = RNG.multinomial(N, np.full(N, 1 / N), size=M).astype(np.int32)
    counts[SEPARATED] *= (X[:, 0] > 0) == Y
    counts[ONE_CLASS] *= Y == 1
    counts[FEW] = 0
    counts[FEW, np.flatnonzero(Y == 0)[:2]] = 3
    counts[FEW, np.flatnonzero(Y == 1)[:1]] = 1
    counts[PLAIN] = 1
    return counts


W = weight_matrix()
L2 = np.where(np.arange(M) < 8, 0.0, np.geomspace(1e-4, 10, M))


@pytest.fixture(scope="module")
def alone():
    return [fit_logistic(X, Y, weights=w, l2=l2) for w, l2 in zip(W, L2, strict=True)]


@pytest.fixture(scope="module")
def together():
    return weighted_fits(X, Y, W, l2=L2)


def test_statuses_are_those_of_single_fits(alone, together):
    names = [SolverStatus(each).name for each in together.status]
    assert names == [SolverStatus(int(each.status)).name for each in alone]
    assert names[SEPARATED] == names[ONE_CLASS] == names[FEW] == "SEPARATED"
    assert names.count("CONVERGED") == M - 3


def test_fits_are_single_fits(alone, together):
    scale = np.append(X.std(axis=0), 1)
    for j, want in enumerate(alone):
        got = np.append(
            together.coefficients[j], together.intercept[j] + X.mean(0) @ together[0][j]
        )
        exact = np.append(want.coefficients, want.intercept + X.mean(0) @ want.coefficients)
        np.testing.assert_allclose(got * scale, exact * scale, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(together.value[j], want.value, rtol=1e-12)


def test_a_start_far_off_is_left(together):
    fits = weighted_fits(X, Y, W, l2=L2, init=(np.full(D, 1e200), 0.0))
    assert np.array_equal(fits.status, together.status)


def test_gradients_vanish(together):
    converged = together.status == SolverStatus.CONVERGED
    assert (together.gradient_norm[converged] <= 1e-9).all()
    for j in np.flatnonzero(converged):
        w = W[j] / W[j].sum()
        b = together.coefficients[j]
        probs = 1 / (1 + np.exp(-(X @ b + together.intercept[j])))
        gradient = np.append((w * (probs - Y)) @ X + L2[j] * b, w @ (probs - Y))
        scales = np.append(np.sqrt(w @ X**2), 1)
        assert np.abs(gradient / scales).max() <= 1.1e-9


def test_directions_separate(together):
    signs = 2 * Y - 1
    for j in (SEPARATED, ONE_CLASS, FEW):
        margins = signs * (X @ together.direction[j, :D] + together.direction[j, D])
        assert margins[W[j] > 0].min() >= -1e-9
        assert margins[W[j] > 0].max() > 0
    assert (together.direction[PLAIN:] == 0).all()


def test_gaps_bound_what_is_left(alone, together):
    penalised = L2 > 0
    assert np.isinf(together.duality_gap[PLAIN:][~penalised[PLAIN:]]).all()
    best = np.array([each.value for each in alone])
    gaps, left = together.duality_gap[penalised], (together.value - best)[penalised]
    assert (gaps < 1e-12).all()
    assert (left <= gaps + 1e-15).all()


def test_gaps_hold_far_from_the_optimum():
    fits = weighted_fits(X, Y, W, l2=L2, tol=0.05)
    best = weighted_fits(X, Y, W, l2=L2)
    penalised = L2 > 0
    left = (fits.value - best.value)[penalised]
    assert (left <= fits.duality_gap[penalised] * 1.1 + 1e-15).all()


def test_copied_rows_in_scikit_learn(together):
    for j in (9, 12):
        rows = np.repeat(np.arange(N), W[j])
        peer = LogisticRegression(
            C=1 / (L2[j] * len(rows)), solver="newton-cholesky", tol=1e-12, max_iter=500
        ).fit(X[rows], Y[rows])
        np.testing.assert_allclose(together.coefficients[j], peer.coef_[0], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(together.intercept[j], peer.intercept_[0], rtol=1e-6, atol=1e-9)


def test_dependent_columns_are_flagged():
    inputs = np.column_stack([X[:, 0], X[:, 1], 2 * X[:, 0]])
    fits = weighted_fits(inputs, Y, W, l2=L2)
    for j in (PLAIN, 5, 10):
        want = fit_logistic(inputs, Y, weights=W[j], l2=L2[j])
        assert fits.status[j] == want.status
        np.testing.assert_allclose(fits.coefficients[j], want.coefficients, rtol=1e-6, atol=1e-9)
    assert fits.status[PLAIN] == SolverStatus.SINGULAR


def test_the_sum_of_weights_plays_no_part(together):
    factors = np.arange(1, M + 1, dtype=np.int32)[:, None]
    scaled = weighted_fits(X, Y, W * factors, l2=L2)
    assert np.array_equal(scaled.status, together.status)
    np.testing.assert_allclose(scaled.value, together.value, rtol=1e-12)


def test_under_weight_0_anything_may_lie(together):
    inputs, labels = X.copy(), Y.copy()
    weights = W.copy()
    weights[:, 5] = 0
    inputs[5], labels[5] = [np.nan, np.inf, 1e300], np.nan
    fits, want = (weighted_fits(x, y, weights, l2=L2) for x, y in ((inputs, labels), (X, Y)))
    assert np.array_equal(fits.status, want.status)
    np.testing.assert_allclose(fits.value, want.value, rtol=1e-12)


def test_nan_where_some_count_is_named():
    inputs = X.copy()
    inputs[7, 1] = np.nan
    with pytest.raises(ValueError, match="inputs hold nan at row 7, column 1"):
        weighted_fits(inputs, Y, W, l2=L2)


def test_under_jit_in_float32(together):
    centred = (X - X.mean(axis=0)) / X.std(axis=0)
    fit = jax.jit(lambda x, y, w, l2: weighted_fits(x, y, w, l2=l2))
    given = [jnp.asarray(each, jnp.float32) for each in (centred, Y, W, L2 + 0.01)]
    fits = fit(*given)
    want = weighted_fits(centred, Y, W, l2=np.float64(given[3]))
    assert fits.coefficients.dtype == jnp.float32
    assert np.array_equal(fits.status, want.status)
    np.testing.assert_allclose(fits.coefficients, want.coefficients, rtol=1e-3, atol=1e-4)
    assert (fits.gradient_norm[fits.status == SolverStatus.CONVERGED] <= 2e-6).all()
    # a nan and a negative weight are of their fits alone
    poisoned = fit(given[0].at[3, 1].set(jnp.nan), given[1], given[2].at[:9, 3].set(0), given[3])
    negative = fit(*given[:2], given[2].at[9, 3].set(-1), given[3])
    assert (np.asarray(poisoned.status)[(W[:, 3] > 0) & (np.arange(M) >= 9)] == 3).all()
    assert (np.asarray(poisoned.status)[PLAIN:9] == SolverStatus.CONVERGED).all()
    assert negative.status[9] == SolverStatus.DIVERGED
    assert np.isnan(negative.coefficients[9]).all()
    assert (negative.status[10:] == SolverStatus.CONVERGED).all()


def test_in_chunks_without_an_intercept(monkeypatch):
    monkeypatch.setattr(module, "FEWEST", 6)
    monkeypatch.setattr(module, "ELEMENTS", 6 * N)
    monkeypatch.setattr("bcejax.solvers.many.layout.ELEMENTS", 6 * 25)
    offset = RNG.normal(size=N)
    fits = weighted_fits(X, Y, W, offset=offset, l2=0.1, intercept=False)
    for j, w in enumerate(W):
        want = fit_logistic(X, Y, weights=w, offset=offset, l2=0.1, intercept=False)
        assert fits.status[j] == want.status
        np.testing.assert_allclose(fits.coefficients[j], want.coefficients, rtol=1e-7, atol=1e-9)
    assert (fits.intercept == 0).all()


def test_many_columns_are_left_to_single_fits(monkeypatch, alone):
    monkeypatch.setattr(module, "MOST_COLUMNS", D)
    fits = weighted_fits(X, Y, W, l2=L2)
    for j, want in enumerate(alone):
        np.testing.assert_array_equal(fits.coefficients[j], want.coefficients)


def test_sparse_inputs(alone):
    fits = weighted_fits(csr_matrix(X), Y, W[PLAIN:5], l2=L2[PLAIN:5])
    for j, want in enumerate(alone[PLAIN:5]):
        assert fits.status[j] == want.status
        np.testing.assert_allclose(fits.value[j], want.value, rtol=1e-10)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight_matrix": np.ones(N)}, r"weight_matrix must be \(m, n\).* got \(60,\)"),
        ({"weight_matrix": np.ones((2, N - 1))}, r"n of labels \(60,\), got \(2, 59\)"),
        ({"weight_matrix": W - 1}, r"fit 0 has weights -1 to"),
        ({"weight_matrix": W * (np.arange(M) != 4)[:, None]}, "fit 4 has weights 0 to 0"),
        ({"weight_matrix": np.where(W > 0, np.inf, 0.0)}, "must be finite"),
        ({"l2": np.ones(3)}, r"l2 must be one number or \(16,\), got \(3,\)"),
        ({"l2": -1.0}, "l2 must be finite and >= 0, got -1.0"),
        ({"labels": 2 * Y}, r"labels lie in \[0, 1\]"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        weighted_fits(**{"inputs": X, "labels": Y, "weight_matrix": W, **given})


def test_weights_must_be_numbers():
    with pytest.raises(TypeError, match="weight_matrix must be real numbers"):
        weighted_fits(X, Y, np.full((2, N), "a"))
