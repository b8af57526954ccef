"""The bound holds, the derivation is right, and the verdict fails when a derivative is wrong."""

import dataclasses
from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bcejax.analysis import logistic_hessian, network_hessian_product
from experiments.gradients_of_models import EXPERIMENT, differences, losses, setting, ways
from experiments.gradients_of_models.bounded import (
    Bounded,
    derivatives_in,
    exactly,
    relu,
    rounding_of,
)
from experiments.gradients_of_models.derivation import by_analysis, derive
from experiments.gradients_of_models.rows import (
    BOUND,
    COMPONENT,
    SHARE,
    WHOLE,
    largest,
    make_table,
    measure,
    where,
)
from experiments.gradients_of_models.setting import LOGISTIC, NETWORK, OPTAX, OURS, PROBABILITIES

TINY = EXPERIMENT.tiny
SINGLE = rounding_of("float32")
ENTRIES = st.floats(-1e3, 1e3, width=32).map(lambda x: x if abs(x) > 1e-3 else 0.0)
MATRICES = hnp.arrays(np.float32, (3, 3), elements=ENTRIES)


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def made():
    with jax.enable_x64(True):
        return setting.settings_of(TINY)


def problem(made, model, rows=40):
    return made[f"Pima, {model}, float32"].problem.thinned(rows)


def within(got, bounded):
    return np.all(np.abs(np.asarray(got, np.longdouble) - bounded.value) <= bounded.error)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


# --- the running error analysis -----------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(MATRICES, MATRICES, MATRICES)
def test_rounded_arithmetic_keeps_its_bound(a, b, c):
    x, y, z = (exactly(each, SINGLE) for each in (a, b, c))
    assert within(a + b, x + y)
    assert within(a * b, x * y)
    assert within(a @ b, x @ y)
    assert within((a @ b) * c + a, (x @ y) * z + x)
    assert within(((a * b) @ (c + a)).T, ((x * y) @ (z + x)).T)


def test_the_bound_of_a_product_is_that_of_its_formula():
    a, b = np.float32([[1, -2]]), np.float32([[3], [4]])
    u = 2.0**-24
    assert (exactly(a, SINGLE) @ exactly(b, SINGLE)).error.item() == (2 + 2) * u * 11
    carried = Bounded(np.longdouble(a), np.full((1, 2), 0.5), SINGLE) @ exactly(b, SINGLE)
    assert carried.error.item() == 0.5 * 7 + 4 * u * 11


@pytest.mark.parametrize(
    ("precision", "unit", "of_sums"),
    [
        ("float64", 2.0**-53, 2.0**-53),
        ("float32", 2.0**-24, 2.0**-24),
        ("bfloat16", 2.0**-8, 2.0**-24),
    ],
)
def test_the_rounding_of_each_precision(precision, unit, of_sums):
    assert rounding_of(precision) == (unit, of_sums)


def test_relu_knows_no_slope_where_its_argument_may_have_either_sign():
    z = Bounded(np.longdouble([-1, -1e-9, 1e-9, 1]), np.full(4, 1e-8), SINGLE)
    value, slope = relu(z)
    assert value.value.tolist() == [0, 0, np.longdouble(1e-9), 1]
    assert slope.value.tolist() == [0, 0, 1, 1]
    assert slope.error.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("x", [-40.0, -1.0, 0.0, 3.0, 40.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("off", [0.0, 1e-6, 0.5])
def test_derivatives_in_a_logit_cover_what_it_is_off_by(x, y, off):
    logit = Bounded(np.longdouble([x]), np.array([off]), SINGLE)
    r, h = derivatives_in(logit, np.longdouble([y]))
    with mpmath.workdps(40):
        for moved in (x - off, x + off):
            s = 1 / (1 + mpmath.exp(-mpmath.mpf(moved)))
            for got, exact in ((r, s - y), (h, s * (1 - s))):
                assert abs(mpmath.mpf(float(got.value[0])) - exact) <= got.error[0] * (1 + 1e-12)


# --- the derivation -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [LOGISTIC, NETWORK])
def test_layers_are_the_vector_in_other_places(made, model):
    here = problem(made, model)
    vector = jnp.arange(here.params.size)
    assert here.vector(here.layers(vector)).tolist() == vector.tolist()
    flax = here.model(here.params)(here.inputs)
    values = np.asarray(here.inputs)
    for i, layer in enumerate(here.layers(here.params)):
        values = np.maximum(values, 0) if i else values
        values = values @ layer[:-1] + layer[-1]
    np.testing.assert_allclose(values[:, 0], flax, rtol=0, atol=1e-5 * np.abs(flax).max())


@pytest.mark.parametrize("model", [LOGISTIC, NETWORK])
def test_two_derivations_by_hand_agree(made, model):
    here = problem(made, model)
    direction = jnp.linspace(-1, 1, here.params.size, dtype=jnp.float32)
    derived, eps = derive(here), float(np.finfo(np.longdouble).eps)
    found = {"gradient": derived.gradient(), "Hessian product": derived.product(direction)}
    for kind, other in by_analysis(here, direction).items():
        np.testing.assert_allclose(found[kind].value, other, rtol=0, atol=1e3 * eps)


def test_the_hessian_of_logistic_regression_is_the_closed_form(made):
    here = problem(made, LOGISTIC)
    c, b = here.params[:-1], here.params[-1]
    exact = logistic_hessian(here.inputs, here.labels, c, b)
    eps = float(np.finfo(np.longdouble).eps)
    np.testing.assert_allclose(derive(here).hessian().value, exact, rtol=0, atol=1e3 * eps)


def test_the_hessian_of_the_network_is_pearlmutters_products(made):
    here = problem(made, NETWORK)
    layers = [(layer[:-1], layer[-1]) for layer in here.layers(here.params)]
    hessian, eps = derive(here).hessian().value, float(np.finfo(np.longdouble).eps)
    for i in range(here.params.size):
        unit = np.arange(here.params.size) == i
        along = [(layer[:-1], layer[-1]) for layer in here.layers(unit)]
        pairs = network_hessian_product(here.inputs, here.labels, layers, along)
        exact = here.vector([np.vstack(pair) for pair in pairs])
        np.testing.assert_allclose(hessian[i], exact, rtol=0, atol=1e3 * eps)


@pytest.mark.parametrize("model", [LOGISTIC, NETWORK])
def test_numpy_in_float32_keeps_the_bound(made, model):
    """Not autodiff: the formulas themselves, in rounded arithmetic."""
    here = problem(made, model)
    layers = [np.asarray(layer) for layer in here.layers(here.params)]
    one = np.ones((40, 1), np.float32)[: len(here.labels)]
    u, y = np.asarray(here.inputs), np.asarray(here.labels)[:, None]
    z = np.hstack([u, one]) @ layers[0]
    x = z if model == LOGISTIC else np.hstack([np.maximum(z, 0), one]) @ layers[1]
    r = (1 / (1 + np.exp(-x)) - y) / np.float32(len(y))
    if model == LOGISTIC:
        gradient = [np.hstack([u, one]).T @ r]
    else:
        back = (r @ layers[1][:-1].T) * (z > 0)
        gradient = [np.hstack([u, one]).T @ back, np.hstack([np.maximum(z, 0), one]).T @ r]
    got = here.vector(gradient)
    assert got.dtype == np.float32
    assert measure(got, derive(here).gradient())[SHARE] <= 1


def test_a_sum_of_fractions_is_exact_enough():
    """The values behind the bounds, against rational arithmetic."""
    a = np.float32([[0.1, 0.7, -0.3]])
    got = exactly(a, SINGLE) @ exactly(a.T, SINGLE)
    exact = sum(Fraction(float(each)) ** 2 for each in a[0])
    difference = abs(Fraction(*got.value.item().as_integer_ratio()) - exact)
    assert difference <= 3 * Fraction(float(np.finfo(np.longdouble).eps)) * exact


# --- measuring ----------------------------------------------------------------------------------


def test_errors_of_a_vector():
    exact = Bounded(np.longdouble([3.0, -4.0, 0.0]), np.array([1.0, 0.25, 0.0]), SINGLE)
    found = measure(np.array([3.0, -4.5, 0.0]), exact)
    assert (found[WHOLE], found[SHARE]) == (0.1, 2.0)
    assert found[COMPONENT] == 0.125
    assert found[BOUND] == pytest.approx(np.hypot(1, 0.25) / 5)


def test_a_nan_is_infinitely_far_and_a_zero_where_zero_is_due_is_not():
    exact = Bounded(np.longdouble([1.0, 0.0]), np.array([0.1, 0.0]), SINGLE)
    lost = measure(np.array([np.nan, 0.0]), exact)
    assert lost[WHOLE] == lost[SHARE] == np.inf
    assert measure(np.array([1.0, 0.0]), exact)[SHARE] == 0
    assert measure(np.array([1.0, 1e-30]), exact)[SHARE] == np.inf


def test_rows_that_say_words():
    rows = [{"way": "grad", "error": 1.0}, {"way": "jvp", "error": np.nan}]
    assert where(rows, way="grad") == rows[:1]
    assert largest(where(rows, way="grad"), "error") == 1
    assert np.isnan(largest(rows, "error"))
    assert make_table("a", "b", rows).formats == {"error": ".3g"}


# --- the verdict --------------------------------------------------------------------------------

SMALL = dataclasses.replace(TINY, rows=40, hessian_rows=40)


def judged(made, config=SMALL):
    chosen = {name: each for name, each in made.items() if each.model == LOGISTIC}
    return ways.against_derivation(chosen, config, lambda items, what: items).verdict


def test_autodiff_keeps_its_bounds(made):
    verdict = judged(made)
    assert verdict.holds, [claim for claim in verdict.claims if not claim.holds]
    assert verdict.answer.startswith("Yes")


def test_a_gradient_that_is_a_thousandth_off_fails(made, monkeypatch):
    right = setting.LOSSES[OURS]
    monkeypatch.setitem(setting.LOSSES, OURS, lambda x, y: 1.001 * right(x, y))
    verdict = judged(made)
    failed = [claim.text for claim in verdict.claims if not claim.holds]
    assert any(text.startswith("gradient in float32") for text in failed)
    assert any(text.startswith("Hessian in float32") for text in failed)
    assert verdict.answer.startswith("No")


def test_through_optax_the_verdict_fails(made, monkeypatch):
    """Its Hessian is wrong where a sure model is."""
    monkeypatch.setitem(setting.LOSSES, OURS, setting.LOSSES[OPTAX])
    claims = losses.through_three_losses(
        {name: each for name, each in made.items() if each.model == LOGISTIC},
        dataclasses.replace(SMALL, confidences=1),
        lambda items, what: items,
    ).verdict.claims
    assert [claim.holds for claim in claims] == [False, True, True, True]


def test_three_losses_where_a_model_is_sure(made):
    here = made[f"Pima, {LOGISTIC}, float32"]
    rows = losses.comparison(here, dataclasses.replace(SMALL, confidences=1))
    sure = where(rows, **{losses.LEAST: 20.0})
    assert len(rows) == 2 * 2 * 3
    assert len(sure) == 2 * 3
    for row in where(sure, loss=PROBABILITIES):
        assert row[losses.FINITE] == 0
    right, wrong = where(sure, loss=OPTAX)
    assert (right["judged"], wrong["judged"]) == ("right", "wrong")
    assert right[losses.CORNER] < 1e-4
    assert (wrong[losses.CORNER], wrong[losses.ALIVE]) == (1, 0)


def test_third_derivatives_of_a_polynomial():
    third = differences.third_derivatives(lambda x, a: a * x[0] ** 3 * x[1] + x[1] ** 4)
    np.testing.assert_allclose(third(jnp.array([2.0, 5.0]), 3.0), [90, 120], rtol=1e-12)


def test_differences_err_as_predicted(made):
    found = differences.differences(made[f"Pima, {LOGISTIC}, float32"], TINY)
    assert differences.off_prediction(found).size
    assert differences.off_prediction(found).max() < 0.05
    assert found.scan.floor > 10 * found.autodiff


def test_a_wrong_prediction_is_seen(made):
    found = differences.differences(made[f"Pima, {LOGISTIC}, float32"], TINY)
    wrong = found._replace(truncation=found.truncation * 1.5)
    assert differences.off_prediction(wrong).max() > 0.3
