"""Predicted probabilities against statsmodels, and what is not known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO
from solvers.inference import pima

from bcejax.solvers import fit_logistic
from bcejax.solvers.inference import covariance, predict_probs

X, Y = pima.X, pima.Y
AHEAD, EYE = X[:3], np.eye(4)
# statsmodels 0.15.0, get_prediction
PROBS = [0.765517579633118, 0.8197530095208302, 0.5869971605600176]
LOWER = [0.6954441459459603, 0.7252355362857423, 0.5266728028443095]
UPPER = [0.8235587488087434, 0.8868305596524284, 0.6448181526667196]


@pytest.fixture(scope="module")
def matrix():
    return covariance(pima.fit(), X, Y)


def test_they_are_those_of_statsmodels(matrix):
    ours = predict_probs(pima.fit(), AHEAD, matrix)
    np.testing.assert_allclose(ours.probs, PROBS, rtol=1e-8)
    np.testing.assert_allclose(ours.lower, LOWER, rtol=1e-8)
    np.testing.assert_allclose(ours.upper, UPPER, rtol=1e-8)


def test_the_error_is_that_of_an_intercept_moved_there(matrix):
    """With inputs moved so that an example lies at 0, its logit is the intercept."""
    moved = X - AHEAD[0]
    fit = fit_logistic(moved, Y, tol=1e-12)
    error = np.sqrt(covariance(fit, moved, Y)[-1, -1])
    np.testing.assert_allclose(predict_probs(pima.fit(), AHEAD, matrix).errors[0], error, rtol=1e-8)


def test_offset_confidence_and_no_intercept():
    fit = fit_logistic(X, Y, intercept=False)
    matrix = covariance(fit, X, Y, intercept=False)
    ours = predict_probs(fit, AHEAD, matrix, offset=[1.0, 0.0, -1.0], confidence=0.5)
    np.testing.assert_allclose(ours.logits, AHEAD @ fit.coefficients + [1, 0, -1], rtol=1e-14)
    half = np.log(ours.upper / (1 - ours.upper)) - ours.logits
    np.testing.assert_allclose(half, 0.6744897501960817 * ours.errors, rtol=1e-9)


def test_where_nothing_is_known_the_interval_is_all():
    labels = (X[:, 0] > 120).astype(float)
    fit = fit_logistic(X, labels)
    ours = predict_probs(fit, AHEAD, covariance(fit, X, labels))
    np.testing.assert_array_equal(ours.errors, np.inf)
    np.testing.assert_array_equal(ours.lower, 0)
    np.testing.assert_array_equal(ours.upper, 1)


def test_sparse_inputs_and_objects_give_the_same(matrix):
    wanted = predict_probs(pima.fit(), AHEAD, matrix)
    for inputs in (scipy.sparse.csr_array(AHEAD), AHEAD.astype(object)):
        ours = predict_probs(pima.fit(), inputs, matrix)
        np.testing.assert_array_equal(ours.upper, wanted.upper)
    cells = BCOO.fromdense(jnp.asarray(AHEAD, jnp.float32))
    np.testing.assert_allclose(predict_probs(pima.fit(), cells, matrix).probs, PROBS, rtol=1e-5)
    with pytest.raises(TypeError, match="inputs must be real numbers, got <U"):
        predict_probs(pima.fit(), AHEAD.astype(str), matrix)


def test_jaxs_world_keeps_its_dtype_under_jit(matrix):
    arrays = [jnp.asarray(each, jnp.float32) for each in (AHEAD, matrix)]
    fit = jax.tree.map(jnp.asarray, pima.fit())
    ours = jax.jit(predict_probs)(fit, *arrays)
    assert ours.probs.dtype == jnp.float32
    np.testing.assert_allclose(ours.probs, PROBS, rtol=1e-5)
    np.testing.assert_allclose(ours.lower, LOWER, rtol=1e-3)


@pytest.mark.parametrize(
    ("inputs", "matrix", "options", "message"),
    [
        (AHEAD[:, :2], EYE, {}, r"inputs \(3, 2\) do not fit coefficients \(3,\)"),
        (AHEAD, EYE[0], {}, r"covariance must be \(p, p\) with p = 3 or 4, got \(4,\)"),
        (AHEAD, EYE, {"offset": [1.0]}, r"offset must be \(3,\) beside inputs \(3, 3\)"),
        (AHEAD, EYE, {"confidence": 2}, "confidence 2 does not lie between 0 and 1"),
    ],
)
def test_bad_arguments_are_one_clear_line(inputs, matrix, options, message):
    with pytest.raises(ValueError, match=message):
        predict_probs(pima.fit(), inputs, matrix, **options)
