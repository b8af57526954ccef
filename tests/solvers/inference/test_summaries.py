"""The table of a fit: its numbers against statsmodels, its words, and no plausible nonsense."""

import io

import numpy as np
import pytest
from rich.console import Console
from solvers.inference import pima

from bcejax.solvers import SolverStatus, fit_logistic
from bcejax.solvers.inference import profile_intervals, summary

X, Y = pima.X, pima.Y
ROWS = slice(0, 60)


@pytest.fixture(scope="module")
def table():
    return summary(pima.fit(), X, Y, names=pima.NAMES)


def test_numbers_are_those_of_statsmodels(table):
    assert table.names == (*pima.NAMES, "intercept")
    np.testing.assert_allclose(table.errors, pima.ERRORS, rtol=1e-8)
    # statsmodels 0.15.0: tvalues, pvalues, llr, llr_pvalue
    z = [9.766911597608258, 6.032159196819594, 3.951246812460774, -12.601954541348148]
    p = [1.5613921243400968e-22, 1.6178327939926739e-09]
    p += [7.7745093873385636e-05, 2.0597616160577783e-36]
    np.testing.assert_allclose(table.z_values, z, rtol=1e-8)
    np.testing.assert_allclose(table.p_values, p, rtol=1e-6)
    np.testing.assert_allclose(table.likelihood_ratio.statistic, 237.79928289788393, rtol=1e-10)
    np.testing.assert_allclose(table.likelihood_ratio.p_value, 2.8470957594147354e-51, rtol=1e-7)
    assert (table.examples, table.events) == (768, 268)


def test_it_prints_and_rich_prints_the_same(table):
    text = str(table)
    assert "logistic regression of 768 examples, 268 events: converged" in text
    line = next(line for line in text.splitlines() if line.startswith("bmi"))
    wanted = ["bmi", "0.08159", "0.01353", "6.032", "1.6e-09", "0.05508", "0.1081"]
    assert line.split()[:7] == wanted
    assert "[0.025" in text
    console = Console(width=150, file=io.StringIO())
    console.print(table)
    printed = console.file.getvalue()
    assert all(cell in printed for row in table.rows() for cell in row)
    assert "[0.025" in printed


def test_rich_takes_no_name_for_markup():
    names, labels = ["size [mm]", "[b] :x:", "back\\"], (X[ROWS, 0] > 120).astype(float)
    table = summary(fit_logistic(X[ROWS], labels), X[ROWS], labels, names=names)
    console = Console(width=200, file=io.StringIO())
    console.print(table)
    assert console.file.getvalue().split() == str(table).split()


def test_odds_ratios_are_exponentials(table):
    ratios, lower, upper = table.odds_ratios
    np.testing.assert_allclose(np.log(ratios), table.coefficients, rtol=1e-12)
    assert np.all((lower < ratios) & (ratios < upper))


def test_separated_labels_give_no_plausible_number():
    labels = (X[ROWS, 0] > 120).astype(float)
    fit = fit_logistic(X[ROWS], labels)
    table = summary(fit, X[ROWS], labels)
    assert table.status == SolverStatus.SEPARATED
    for numbers in (table.coefficients, table.errors, table.lower, table.upper):
        assert not np.isfinite(numbers).any()
    assert np.isnan(table.z_values).all()
    assert np.isnan(table.p_values).all()
    assert table.coefficients[0] == np.inf
    assert "separated" in str(table)
    assert "firth" in str(table)
    assert "no estimate of finite error: x0" in str(table)
    ends = summary(fit, X[ROWS], labels, intervals="profile")
    assert np.isfinite(ends.lower[0])
    assert ends.upper[0] == np.inf


def test_a_fit_that_diverged_has_a_table_of_nan():
    inputs = X[ROWS] * 1e-320
    table = summary(fit_logistic(inputs, Y[ROWS]), inputs, Y[ROWS])
    assert table.status == SolverStatus.DIVERGED
    assert np.isnan(table.coefficients).all()
    assert "bring the columns to a common scale" in str(table)


def test_one_class_says_so():
    table = summary(fit_logistic(X[ROWS], np.zeros(60)), X[ROWS], np.zeros(60))
    assert "all labels are 0" in str(table)
    assert table.events == 0
    assert table.coefficients[-1] == -np.inf


def test_dependent_columns_are_named():
    inputs = np.column_stack([X[ROWS, 0], X[ROWS, 1], 2 * X[ROWS, 0]])
    table = summary(fit_logistic(inputs, Y[ROWS]), inputs, Y[ROWS], names=["a", "b", "c"])
    assert "no estimate of finite error: a, c" in str(table)
    assert np.isfinite(table.errors[[1, 3]]).all()
    assert np.isnan(table.p_values[[0, 2]]).all()


@pytest.mark.parametrize(
    ("fitted", "told", "words"),
    [
        ({"l2": 0.1}, {}, "leave its bias out"),
        ({"l2": 0.1}, {"covariance": "posterior"}, "under the prior that l2 stands for"),
        ({"l1": 0.05}, {}, "no standard error is valid"),
        ({}, {"covariance": "sandwich"}, "whether or not the model does"),
    ],
)
def test_words_say_what_the_errors_mean(fitted, told, words):
    inputs = (X[ROWS] - X.mean(0)) / X.std(0)
    table = summary(fit_logistic(inputs, Y[ROWS], **fitted), inputs, Y[ROWS], **fitted, **told)
    assert words in str(table)
    assert np.isnan(table.errors).all() == ("l1" in fitted)
    assert np.isnan(table.likelihood_ratio.p_value) == bool(fitted)
    assert ("of freedom" in str(table)) == (table.likelihood_ratio.degrees > 0)


def test_a_constant_column_under_a_ridge_is_known_to_be_0():
    inputs = np.column_stack([X[ROWS, :3] / 100, np.full(60, 3.0)])
    table = summary(fit_logistic(inputs, Y[ROWS], l2=0.1), inputs, Y[ROWS], l2=0.1)
    assert table.coefficients[3] == table.errors[3] == 0
    assert np.isnan(table.z_values[3])  # and no warning


def test_a_data_frame_knows_the_names_of_its_columns():
    class Frame:
        columns = pima.NAMES

        def to_numpy(self):
            return X

    assert summary(pima.fit(), Frame(), Y).names == (*pima.NAMES, "intercept")


def test_intervals_may_be_profiles():
    options = {"confidence": 0.95}
    fit = fit_logistic(X[ROWS], Y[ROWS])
    table = summary(fit, X[ROWS], Y[ROWS], intervals="profile", **options)
    ends = profile_intervals(fit, X[ROWS], Y[ROWS], **options)
    np.testing.assert_array_equal(table.lower, ends.lower)
    np.testing.assert_array_equal(table.upper, ends.upper)
    assert "[0.025" in str(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["a"]}, "names are 1, but inputs have 3 columns"),
        ({"l2": 1.0}, "the gradient at the solution is .* and not 0"),
        ({"weights": pima.COUNTS}, "the gradient at the solution is .* and not 0"),
        ({"intervals": "exact"}, "intervals 'exact' is neither 'wald' nor 'profile'"),
    ],
)
def test_bad_arguments_are_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        summary(pima.fit(), X, Y, **options)
