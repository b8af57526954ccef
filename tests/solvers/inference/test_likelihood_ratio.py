"""Likelihood-ratio tests and criteria against statsmodels and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from solvers.inference import pima

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.inference import information_criteria, likelihood_ratio_test

X, Y = pima.X, pima.Y
ROWS = slice(0, 60)


def test_criteria_are_those_of_statsmodels():
    ours = information_criteria(fit_logistic(X, Y), X, Y)
    # statsmodels 0.15.0, Logit: llf, llnull, aic, bic, prsquared
    wanted = [-377.8423136217795, -496.7419550707215, 4, 763.684627243559]
    wanted += [782.2597861761498, 0.23935896743816243]
    np.testing.assert_allclose(ours, wanted, rtol=1e-10)


def test_without_an_intercept_every_null_probability_is_a_half():
    ours = information_criteria(fit_logistic(X, Y, intercept=False), X, Y, intercept=False)
    np.testing.assert_allclose(ours.null_log_likelihood, -len(Y) * np.log(2), rtol=1e-12)
    assert ours.degrees == X.shape[1]


def test_counts_and_offset_are_those_of_statsmodels():
    data = {"weights": pima.COUNTS, "offset": pima.OFFSET}
    ours = information_criteria(fit_logistic(X, Y, **data), X, Y, **data)
    # statsmodels 0.15.0, GLM: llf, llnull, aic
    wanted = [-366.48267538, -479.2094124, 740.96535076]
    found = [ours.log_likelihood, ours.null_log_likelihood, ours.aic]
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_the_test_is_that_of_statsmodels():
    fits = [fit_logistic(each, Y) for each in (X, X[:, :1])]
    ours = likelihood_ratio_test(*fits, X, X[:, :1], Y)
    assert ours.degrees == 2
    # statsmodels 0.15.0: twice the difference of llf, and scipy's chi2.sf
    np.testing.assert_allclose(ours.statistic, 53.035010107833614, rtol=1e-8)
    np.testing.assert_allclose(ours.p_value, 3.045046165137839e-12, rtol=1e-7)


def test_a_ridge_takes_degrees_away():
    degrees = []
    for l2 in (0.0, 0.01, 1.0, 1e9):
        fit = fit_logistic(X[ROWS], Y[ROWS], l2=l2)
        degrees.append(float(information_criteria(fit, X[ROWS], Y[ROWS], l2=l2).degrees))
    assert degrees[0] == 4
    assert degrees == sorted(degrees, reverse=True)
    assert abs(degrees[-1] - 1) < 1e-4


def test_of_a_separated_fit_the_supremum_counts():
    """Quasi-separated: what is left is the likelihood of the examples in between."""
    inputs, labels = np.zeros((60, 3)), np.zeros(60)
    inputs[:20, 0], inputs[40:, 0] = -1, 1
    labels[40:], labels[20:30] = 1, 1  # between them one half each
    full = fit_logistic(inputs, labels)
    assert full.status == SolverStatus.SEPARATED
    ours = information_criteria(full, inputs, labels)
    np.testing.assert_allclose(ours.log_likelihood, -20 * np.log(2), rtol=1e-8)
    assert ours.degrees == 2
    nothing = np.zeros((60, 1))
    test = likelihood_ratio_test(full, fit_logistic(nothing, labels), inputs, nothing, labels)
    np.testing.assert_allclose(test.statistic, 2 * 40 * np.log(2), rtol=1e-8)
    assert test.degrees == 1


def test_the_sum_of_the_weights_is_only_a_factor():
    inputs, labels = X[ROWS], Y[ROWS]
    apart = np.where(inputs > 120, 1.0, 0.0) * [1, 0, 0]
    for columns, answers in ((inputs, labels), (apart, apart[:, 0])):
        ours = [
            information_criteria(
                fit_logistic(columns, answers, weights=weights), columns, answers, weights=weights
            )
            for weights in (np.ones(60), np.full(60, 1e-13))
        ]
        one, small = ours
        for name in ("log_likelihood", "null_log_likelihood"):
            got, want = getattr(small, name), 1e-13 * getattr(one, name)
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-20)
        np.testing.assert_allclose(small.mcfadden, one.mcfadden, rtol=1e-8)


def test_one_class_leaves_nothing_to_explain():
    ours = information_criteria(fit_logistic(X[ROWS], np.ones(60)), X[ROWS], np.ones(60))
    assert ours.null_log_likelihood == 0
    assert abs(ours.log_likelihood) < 1e-7
    assert np.isnan(ours.mcfadden)


def test_equal_ranks_and_unfinished_fits_have_no_p_value():
    few = X[ROWS] * [1, 0, 0]
    fits = [fit_logistic(each, Y[ROWS]) for each in (few, few[:, :1])]
    test = likelihood_ratio_test(*fits, few, few[:, :1], Y[ROWS])
    assert test.degrees == 0
    assert np.isnan(test.p_value)
    short = fit_logistic(X[ROWS], Y[ROWS], max_steps=1)
    assert short.status == SolverStatus.MAX_STEPS
    assert np.isnan(information_criteria(short, X[ROWS], Y[ROWS]).aic)


def test_under_the_null_the_p_value_is_uniform():
    """Many fits at once, as JAX's."""
    draws = np.random.default_rng(2).random((200, 60)) < 0.4
    batches = [
        jax.tree.map(lambda *each: jnp.stack(each), *(fit_logistic(x, y) for y in draws))
        for x in (X[ROWS], X[ROWS, :1])
    ]

    @jax.jit
    @jax.vmap
    def p_value(full, reduced, labels):
        return likelihood_ratio_test(full, reduced, X[ROWS], X[ROWS, :1], labels).p_value

    found = np.sort(p_value(*batches, jnp.asarray(draws)))
    assert np.max(np.abs(found - (np.arange(200) + 0.5) / 200)) < 1.63 / np.sqrt(200)


def test_other_columns_are_refused():
    fit = fit_logistic(X[ROWS], Y[ROWS])
    with pytest.raises(ValueError, match=r"coefficients \(3,\) beside inputs \(60, 1\)"):
        likelihood_ratio_test(fit, fit, X[ROWS], X[ROWS, :1], Y[ROWS])
