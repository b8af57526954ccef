"""Covariances against statsmodels, 40 digits and what cannot be known."""

import re

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO
from solvers.inference import pima

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.inference import covariance, fisher_information, standard_errors

X, Y = pima.X, pima.Y
FEW = slice(0, 40)


def test_standard_errors_are_those_of_statsmodels():
    errors = standard_errors(pima.fit(), X, Y)
    assert errors.dtype == np.float64
    np.testing.assert_allclose(errors, pima.ERRORS, rtol=1e-8)


def test_robust_and_clustered_errors_are_those_of_statsmodels():
    robust = standard_errors(pima.fit(), X, Y, kind="sandwich")
    np.testing.assert_allclose(robust, pima.ROBUST, rtol=1e-8)
    corrected = standard_errors(pima.fit(), X, Y, kind="sandwich", corrected=True)
    np.testing.assert_allclose(corrected, robust * np.sqrt(768 / 764), rtol=1e-12)
    names = np.random.default_rng(0).permutation(1000)[pima.CLUSTERS]  # any numbers will do
    for right, wanted in ((True, pima.CLUSTERED), (False, pima.UNCORRECTED)):
        errors = standard_errors(pima.fit(), X, Y, kind="sandwich", clusters=names, corrected=right)
        np.testing.assert_allclose(errors, wanted, rtol=1e-8)


def test_each_example_its_own_cluster_is_the_sandwich():
    own = covariance(pima.fit(), X, Y, kind="sandwich", clusters=np.arange(768))
    np.testing.assert_allclose(own, covariance(pima.fit(), X, Y, kind="sandwich"), rtol=1e-10)


def test_counts_and_offset_are_those_of_statsmodels():
    data = {"weights": pima.COUNTS, "offset": pima.OFFSET}
    fit = fit_logistic(X, Y, tol=1e-12, **data)
    errors = standard_errors(fit, X, Y, **data)
    # its GLM takes the information one step before the last
    np.testing.assert_allclose(errors, pima.COUNTED, rtol=1e-7)
    repeats = pima.COUNTS.astype(int)
    inputs, labels, offset = (np.repeat(each, repeats, axis=0) for each in (X, Y, pima.OFFSET))
    copies = standard_errors(fit, inputs, labels, offset=offset)
    np.testing.assert_allclose(errors, copies, rtol=1e-12)


def exact_information(params, ridge):
    """Information and what is added to it, in 40 digits."""
    F = mpmath.matrix(np.column_stack([X[FEW], np.ones(40)]).tolist())
    x = F * mpmath.matrix(params.tolist())
    v = mpmath.diag([1 / (2 + mpmath.exp(each) + mpmath.exp(-each)) for each in x])
    return F.T * v * F, mpmath.diag(ridge)


def test_all_kinds_are_those_of_40_digits():
    l2, few = 0.01, (X[FEW], Y[FEW])
    fit = fit_logistic(*few, l2=l2, tol=1e-12)
    with mpmath.workdps(40):
        params = np.append(fit.coefficients, fit.intercept)
        information, ridge = exact_information(params, [40 * l2] * 3 + [0])
        inverse = (information + ridge) ** -1
        plain = [np.array(each.tolist(), float) for each in (information, inverse)]
        spread = np.array((inverse * information * inverse).tolist(), float)
    np.testing.assert_allclose(fisher_information(fit, *few), plain[0], rtol=1e-12)
    np.testing.assert_allclose(covariance(fit, *few, l2=l2, kind="posterior"), plain[1], rtol=1e-10)
    np.testing.assert_allclose(covariance(fit, *few, l2=l2), spread, rtol=1e-10)


def test_without_an_intercept_there_is_one_row_less():
    fit = fit_logistic(X[FEW], Y[FEW], intercept=False)
    matrix = covariance(fit, X[FEW], Y[FEW], intercept=False)
    information = fisher_information(fit, X[FEW], Y[FEW], intercept=False)
    assert matrix.shape == (3, 3)
    np.testing.assert_allclose(matrix @ information, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("status", ["SEPARATED", "SINGULAR", "MAX_STEPS"])
def test_no_plausible_number_where_there_is_none(status):
    inputs, labels, steps = X[FEW].copy(), Y[FEW], None
    if status == "SEPARATED":
        inputs[:, 1] = labels
    if status == "SINGULAR":
        inputs[:, 2] = 3 * inputs[:, 0] - inputs[:, 1]
    if status == "MAX_STEPS":
        steps = 1
    fit = fit_logistic(inputs, labels, max_steps=steps)
    assert SolverStatus(int(fit.status)).name == status
    errors = standard_errors(fit, inputs, labels)
    if status == "SEPARATED":
        assert errors[1] == np.inf
        assert not np.isfinite(errors).any()
    if status == "SINGULAR":
        np.testing.assert_array_equal(errors[:3], np.inf)
        two = fit_logistic(inputs[:, :2], labels)
        assert abs(errors[3] / standard_errors(two, inputs[:, :2], labels)[2] - 1) < 1e-9
    if status == "MAX_STEPS":
        assert np.isnan(errors).all()


def test_a_column_far_from_0_keeps_its_digits():
    near, far = X[FEW] - X[FEW].mean(0), X[FEW] + 1e6
    errors = [standard_errors(fit_logistic(x, Y[FEW]), x, Y[FEW])[:3] for x in (near, far)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-6)


def test_what_lies_under_weight_0_is_harmless():
    weights, spoilt = np.where(np.arange(40) < 5, 0.0, 1.0), X[FEW].copy()
    spoilt[:5] = np.nan
    fit = fit_logistic(X[FEW], Y[FEW], weights=weights)
    right = covariance(fit, X[FEW], Y[FEW], weights=weights, kind="sandwich", corrected=True)
    ours = covariance(fit, spoilt, Y[FEW], where=weights > 0, kind="sandwich", corrected=True)
    np.testing.assert_allclose(ours, right, rtol=1e-12)


def test_sparse_inputs_give_the_same():
    thin = np.where(X[FEW] > X.mean(0), X[FEW], 0)
    fit = fit_logistic(thin, Y[FEW])
    dense = standard_errors(fit, thin, Y[FEW])
    rows = scipy.sparse.csr_matrix(thin)
    np.testing.assert_allclose(standard_errors(fit, rows, Y[FEW]), dense, rtol=1e-12)
    cells = BCOO.fromdense(jnp.asarray(thin, jnp.float32))
    np.testing.assert_allclose(standard_errors(fit, cells, Y[FEW]), dense, rtol=1e-3)


def test_jaxs_world_keeps_its_dtype_under_jit_and_vmap():
    fits = [fit_logistic(X[FEW], labels) for labels in (Y[FEW], 1 - Y[FEW])]
    both = jax.tree.map(lambda *each: jnp.stack(each), *fits)
    inputs = jnp.asarray(X[FEW], jnp.float32)
    errors = jax.jit(jax.vmap(standard_errors, (0, None, 0)))(
        both, inputs, jnp.stack([Y[FEW], 1 - Y[FEW]])
    )
    assert errors.dtype == jnp.float32
    one = standard_errors(fits[0], X[FEW], Y[FEW])
    np.testing.assert_allclose(errors, np.stack([one, one]), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "robust"}, r"kind 'robust' is not one of \['fisher', 'posterior', 'sandwich'\]"),
        ({"clusters": pima.CLUSTERS}, "clusters came with kind 'fisher'; they are for 'sandwich'"),
        ({"clusters": [1], "kind": "sandwich"}, r"clusters must be \(768,\), got \(1,\)"),
    ],
)
def test_bad_options_are_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        covariance(pima.fit(), X, Y, **options)


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"coefficients \(3,\) beside inputs \(768, 2\)"):
        covariance(pima.fit(), X[:, :2], Y)


@pytest.mark.parametrize("kind", ["fisher", "posterior", "sandwich"])
@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e300])
def test_errors_are_right_in_any_unit(unit, kind):
    units = np.array([unit, 1, 1, 1])
    inputs = X[FEW] * units[:3]
    fit = fit_logistic(inputs, Y[FEW])
    right = standard_errors(fit_logistic(X[FEW], Y[FEW]), X[FEW], Y[FEW], kind=kind)
    errors = standard_errors(fit, inputs, Y[FEW], kind=kind)
    np.testing.assert_allclose(errors * units, right, rtol=1e-10)
    # no float has the square
    assert not np.isfinite(covariance(fit, inputs, Y[FEW], kind=kind)[0, 0])


@pytest.mark.parametrize("total", [1e-300, 1e200])
def test_errors_are_right_for_any_sum_of_weights(total):
    weights = np.full(40, total / 40)
    fit = fit_logistic(X[FEW], Y[FEW], weights=weights)
    for kind, factor in (("fisher", np.sqrt(40 / total)), ("sandwich", 1)):
        right = standard_errors(fit_logistic(X[FEW], Y[FEW]), X[FEW], Y[FEW], kind=kind)
        errors = standard_errors(fit, X[FEW], Y[FEW], weights=weights, kind=kind)
        np.testing.assert_allclose(errors, factor * right, rtol=1e-10)


@pytest.mark.parametrize(
    "function",
    [
        standard_errors,
        lambda *data: standard_errors(*data, kind="sandwich", clusters=jnp.arange(40) // 2),
        lambda _, *data: fit_logistic(*data, firth=True),
    ],
    ids=["fisher", "clusters", "firth"],
)
def test_a_gpu_is_told_to_round_no_product_of_a_matrix(function):
    data = jnp.asarray(X[FEW], jnp.float32), jnp.asarray(Y[FEW], jnp.float32)
    fit = jax.eval_shape(fit_logistic, *data)
    lines = jax.jit(function).lower(fit, *data).as_text().splitlines()
    products = [line for line in lines if re.search(r"dot_general.*<\d+x\d+x", line)]
    assert products
    assert all("precision = [HIGHEST, HIGHEST]" in line for line in products)
