"""The dead are found where they are, ours is alive, the verdict can fail."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.accuracy_of_forms.forms import FORMS, HIGHEST, OPTAX, OURS, TENSORFLOW, Form
from experiments.dead_derivatives import answer_of, deaths, verdicts
from experiments.dead_derivatives.deaths import (
    SIDES,
    exact_newton_step,
    first_of,
    newton_step,
    sizes_of,
)
from experiments.dead_derivatives.tables import tables_of

STEP = 0.25


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def found():
    with jax.enable_x64(True):
        return deaths.scan("float32", {name: FORMS[name] for name in (OURS, HIGHEST, OPTAX)}, STEP)


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


def test_optax_dies_where_it_is_wrong_and_ours_nowhere(found):
    each = list(found.deaths())
    sides = {(d.sign, d.label): d for d in each if (d.form, d.quantity) == (OPTAX, "hessian")}
    assert sides.keys() == set(SIDES)
    for side in ((1.0, 0.0), (-1.0, 1.0)):
        assert 8 < sides[side].half < sides[side].all <= sides[side].zero < 15
    for side in ((1.0, 1.0), (-1.0, 0.0)):
        assert (sides[side].half, sides[side].all, sides[side].zero) == (None, None, None)
    assert first_of(each, "float32", OPTAX, "third").zero == sides[1.0, 0.0].zero
    assert first_of(each, "float32", OURS, "hessian") == (None, None, None)


def test_lost_counts_from_where_it_stays_lost():
    """A derivative that comes back, and is nan or has the wrong sign later."""
    sizes = sizes_of("float64", STEP)
    x = np.where(sizes < 3, 0, np.where(sizes < 10, 1, np.where(sizes < 20, -1, np.nan)))

    def derivatives(logits, labels):
        factor = np.concatenate([x] * len(SIDES))
        exact = FORMS[OURS](logits, labels)
        return {name: factor * exact[name] for name in ("hessian", "third")}

    (each, *_) = deaths.scan("float64", {"theirs": Form(derivatives)}, STEP).deaths()
    assert (each.half, each.all, each.zero) == (10, 10, None)


def test_the_sign_of_the_third_derivative_counts():
    forms = {"theirs": Form(lambda x, y: {"third": np.abs(FORMS[OURS](x, y)["third"])})}
    each = {(d.sign, d.label): d.all for d in deaths.scan("float64", forms, STEP).deaths()}
    assert each == {(1.0, 0.0): 1.0, (1.0, 1.0): 1.0, (-1.0, 0.0): None, (-1.0, 1.0): None}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_logits_of_a_dtype_reach_its_edge(dtype):
    sizes = sizes_of(dtype, STEP)
    assert sizes.dtype == jnp.dtype(dtype)
    assert (sizes[0], sizes[-1]) == (1, deaths.EDGES[dtype])
    assert np.all(np.diff(sizes.astype(np.float64)) > 0)


def test_newton_steps():
    x = np.array([2.0, -3.0])
    np.testing.assert_allclose(exact_newton_step(x, 1.0), [1 + np.exp(-2), 1 + np.exp(3)])
    np.testing.assert_allclose(exact_newton_step(x, 0.0), [-1 - np.exp(2), -1 - np.exp(-3)])
    step = newton_step({"gradient": np.float32([1, 0, -2]), "hessian": np.float32([0, 0, 4])})
    np.testing.assert_array_equal(step, [-np.inf, np.nan, 0.5])


def test_where_sums_are_their_arguments():
    """The predicted logits, by the arithmetic itself."""
    for dtype in ("float32", "float64"):
        x = np.arange(1, 64, 1e-3).astype(dtype)
        swallowed = x + np.exp(-x) == x
        at = verdicts.sum_is_its_argument(dtype)
        assert abs(at - x[np.argmax(swallowed)]) < 0.01
        one = np.argmax(1 + np.exp(-x) == 1)
        assert abs(verdicts.complement_is_0(dtype) - x[one]) < 0.01


# --- the verdict --------------------------------------------------------------------------------


def test_the_claims_hold(found):
    claims = list(verdicts.claims_of({"float32": found}, list(found.deaths()), STEP))
    assert [claim.text for claim in claims if not claim.holds] == []


def test_optax_in_our_place_and_ours_in_its_fail_every_claim():
    swapped = {OURS: FORMS[OPTAX], HIGHEST: FORMS[OPTAX], OPTAX: FORMS[OURS]}
    scan = deaths.scan("float32", swapped, STEP)
    claims = list(verdicts.claims_of({"float32": scan}, list(scan.deaths()), STEP))
    assert [claim.holds for claim in claims] == [False] * 5
    assert math.isnan(claims[-1].value)


def test_a_formula_that_cancels_its_gradient_is_no_newton():
    scan = deaths.scan("float32", {OURS: FORMS[TENSORFLOW]}, STEP)
    assert verdicts.count_half_lost(scan, OURS) == 0
    assert verdicts.newton_error(scan, OURS) > 1e6


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_the_claims_hold_in_other_dtypes(dtype):
    scan = deaths.scan(dtype, {name: FORMS[name] for name in (OURS, HIGHEST, OPTAX)}, STEP)
    claims = list(verdicts.claims_of({dtype: scan}, list(scan.deaths()), STEP))
    assert [claim for claim in claims if not claim.holds] == []


def test_tables_and_answer(found):
    each = list(found.deaths())
    first, newton, sides = tables_of({"float32": found}, each)
    assert first.columns["form"] == [OURS, HIGHEST, OPTAX]
    at = first.columns["second derivative: exactly 0"]
    assert at[:2] == [None, None]
    assert 14.5 < at[2] < 15
    assert set(newton.columns["form"]) == {OPTAX}
    assert [abs(step) for step in newton.columns["step"]] == [np.inf, np.inf]
    assert len(sides.columns["form"]) == 3 * 2 * len(SIDES)
    answer, _ = answer_of(each, "float32", [])
    assert answer.startswith("In float32 the second derivative is exactly 0 through optax from 14")
    assert "0 of the 1 other forms keep it" in answer
    assert answer.endswith("bcejax never loses half of the digits of a derivative.")
