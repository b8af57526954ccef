"""The forms are one function on paper, the regions hold what they say, the verdict can fail."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bcejax.analysis import Subject
from experiments.accuracy_of_forms import answer_of, faults, forms, peers, promises
from experiments.accuracy_of_forms.cells import sheet_of
from experiments.accuracy_of_forms.forms import DTYPES, FORMS, HIGHEST, OPTAX, OURS, SIGNED, XGBOOST
from experiments.accuracy_of_forms.pages import (
    by_quantity,
    by_region,
    tables_of,
    worst_by,
    worst_by_stretch,
)
from experiments.accuracy_of_forms.points import (
    EDGES,
    KNOWN,
    LABELS,
    LEFT,
    MIDDLE,
    MINIMUM,
    RIGHT,
    ZERO,
    points_of,
    tail_start,
)


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def sheet():
    with jax.enable_x64(True):
        return sheet_of(
            "float32", {name: FORMS[name] for name in (OURS, HIGHEST, OPTAX, XGBOOST)}, 16
        )


def test_the_tiny_configuration_holds_up(hold_up):
    hold_up()


# --- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_on_paper_each_form_is_the_same_function(name):
    """At moderate logits all agree to a part in a million, in all that they offer."""
    dtype = FORMS[name].dtypes[-1] if name == XGBOOST else "float64"
    x = np.linspace(-2.1, 2.3, 40).astype(dtype)
    for y in (0.0, 1.0, 0.3)[: 3 if FORMS[name].soft else 2]:
        labels = np.full_like(x, y)
        exact = FORMS[OURS](x.astype(np.float64), labels.astype(np.float64))
        for quantity, got in FORMS[name](x, labels).items():
            # log(p + 1e-7) differs by 1e-7 / p
            np.testing.assert_allclose(got, exact[quantity], rtol=0, atol=3e-6, err_msg=quantity)


def test_a_form_gives_the_dtype_of_the_logits_and_the_order_of_the_quantities():
    x = np.zeros(3, jnp.bfloat16)
    found = FORMS[OURS](x, x)
    assert list(found) == list(forms.QUANTITIES)
    assert {each.dtype for each in found.values()} == {np.dtype(jnp.bfloat16)}


# --- peers --------------------------------------------------------------------------------------


def test_a_peer_that_is_missing_is_named(monkeypatch):
    def absent(*_, **__):
        raise ModuleNotFoundError("no such library")

    monkeypatch.setattr(peers, "find_subject", absent)
    found, missing = peers.forms_with_peers(("torch", "Keras"))
    assert missing == ["torch", "Keras"]
    assert found.keys() == FORMS.keys()


def test_a_peer_without_a_third_derivative_offers_three():
    subject = Subject("theirs", np.add, gradient=np.subtract, hessian=np.multiply, jax=False)
    found = peers.form_of(subject)(np.float32([1, 2]), np.float32([3, 4]))
    assert list(found) == ["value", "gradient", "hessian"]
    assert found["gradient"].tolist() == [-2, -2]


def test_a_peer_in_jax_is_differentiated():
    loss = optax.sigmoid_binary_cross_entropy
    x, y = np.float32([1, -2]), np.float32([0, 1])
    found = peers.form_of(Subject("optax", loss))(x, y)
    np.testing.assert_array_equal(found["third"], FORMS[OPTAX](x, y)["third"])


# --- regions and cells --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_regions_are_where_they_say(dtype):
    points = points_of(dtype, 32)
    assert points.logits.dtype == points.labels.dtype == jnp.dtype(dtype)
    x, start = points.logits.astype(np.float64), tail_start(dtype)
    slack = 1 + 2 * float(jnp.finfo(dtype).eps)  # points are rounded to the dtype
    for label in LABELS:
        left, middle, zero, right = (
            x[points.of(label, region)] for region in (LEFT, MIDDLE, ZERO, RIGHT)
        )
        assert -EDGES[dtype] == left.min() <= left.max() <= -start / slack
        assert start / slack <= right.min() <= right.max() == EDGES[dtype]
        assert 0.25 / slack <= np.abs(middle).min() <= np.abs(middle).max() <= start * slack
        assert 0 in zero
        assert np.abs(zero).max() == 0.25
    assert not points.of(0.0, MINIMUM).size
    y = float(points.labels[-1])
    near = x[points.of(0.3, MINIMUM)]
    assert np.abs(near - np.log(y / (1 - y))).max() <= 0.26
    known = points.at(20, 1)
    assert (points.logits[known], points.labels[known], points.regions[known]) == (20, 1, KNOWN)


def test_derivatives_are_normal_numbers_to_the_edges():
    for dtype, edge in EDGES.items():
        assert np.exp(-edge) * 0.999 > float(jnp.finfo(dtype).tiny)


def test_a_cell_is_the_worst_point_of_its_region(sheet):
    cells = {(c.form, c.quantity, c.label, c.region): c for c in sheet.cells()}
    cell = cells[OPTAX, "hessian", 0.0, RIGHT]
    places = sheet.points.of(0.0, RIGHT)
    assert cell.error == sheet.errors[OPTAX]["hessian"][places].max() > 2**23
    assert cell.logit in sheet.points.logits[places]
    assert (XGBOOST, "value", 0.0, RIGHT) not in cells
    assert (OURS, "value", 0.0, MINIMUM) not in cells
    rows = worst_by(list(sheet.cells()), by_quantity)
    hard = [c.error for key, c in cells.items() if key[:2] == (OPTAX, "third") and key[2] != 0.3]
    assert rows[OPTAX]["labels 0 and 1", "third"] == max(hard)
    assert ("label 0.3", MINIMUM) in worst_by(list(sheet.cells()), by_region)[OURS]


def test_a_form_for_hard_labels_has_no_cells_of_the_soft_one():
    sheet = sheet_of("float32", {SIGNED: FORMS[SIGNED]}, 4)
    assert {cell.label for cell in sheet.cells()} == {0.0, 1.0}


# --- the verdict --------------------------------------------------------------------------------


def test_the_soft_gradient_is_measured_as_it_is_promised(sheet):
    errors = np.ones(sheet.points.logits.shape)
    hard, soft = sheet.points.of(0.0, MIDDLE), sheet.points.of(0.3, MINIMUM)
    for form in (OURS, HIGHEST):
        found = promises.near_the_minimum(sheet, form, errors)
        assert found[hard].tolist() == [1.0] * hard.size
    units = promises.near_the_minimum(sheet, OURS, errors)[soft]
    assert units.min() < 1e-3  # one unit of a small gradient is little of sigmoid's
    beyond = promises.near_the_minimum(sheet, HIGHEST, errors)[soft]
    assert 0 <= beyond.min() < 0.99 < beyond.max() <= 1


@pytest.mark.parametrize("ours", [OURS, HIGHEST])
def test_optax_in_our_place_breaks_the_promises(ours):
    forms = {OURS: FORMS[OURS], HIGHEST: FORMS[HIGHEST], ours: FORMS[OPTAX]}
    sheet = sheet_of("float32", forms, 16)
    failed = [
        claim.text for claim in promises.claims_on_ours({"float32": sheet}) if not claim.holds
    ]
    assert len(failed) >= 3
    assert all(text.startswith(f"{ours}, ") for text in failed)


def test_a_repaired_library_fails_its_claim():
    sheet = sheet_of("float32", {OPTAX: FORMS[OURS]}, 4)
    (claim,) = faults.claims_on(faults.seen({"float32": sheet}))
    assert claim.text.startswith("optax: relative error of its hessian")
    assert not claim.holds


def test_nan_is_infinitely_wrong(sheet):
    cell = sheet.known(OURS, "value", 0, 0)
    assert faults.relative_error(cell._replace(got=np.nan)) == np.inf
    assert faults.relative_error(cell) < 1e-6


def test_every_known_fault_stands_at_a_known_point():
    points = points_of("float32", 4)
    for fault in faults.FAULTS:
        points.at(fault.logit, fault.label)
        assert fault.form in FORMS.keys() | peers.SUBJECTS.keys()


def test_a_curve_shows_the_worst_of_each_stretch():
    edges = np.array([-2.0, -1, 0, 1, 2])
    logits, errors = np.array([-2, -1.5, 0, 0.5, 2]), np.array([1.0, 3, 2, np.inf, 5])
    assert worst_by_stretch(logits, errors, edges).tolist() == [3, 0, np.inf, 5]


def test_tables_and_answer_of_two_dtypes():
    names = (OURS, HIGHEST, OPTAX)
    sheets = {
        dtype: sheet_of(dtype, {name: FORMS[name] for name in names}, 4)
        for dtype in ("bfloat16", "float32")
    }
    cells = {dtype: list(sheet.cells()) for dtype, sheet in sheets.items()}
    tables = {table.name: table.columns for table in tables_of(cells, faults.seen(sheets))}
    assert list(tables) == ["atlas_bfloat16", "atlas_float32", "faults", "cells"]
    assert tables["atlas_bfloat16"]["form"] == list(names)
    assert max(tables["atlas_bfloat16"]["third, labels 0 and 1 (ulp)"][:2]) <= 0.501
    assert tables["faults"]["got"] == [0]
    answer, details = answer_of(cells, ["torch"], 1)
    assert answer.startswith("In bfloat16 bcejax's loss is off by at most")
    assert "Of 1 other ways 0 lose every digit of the loss somewhere" in answer
    assert "Other ways that lose every digit somewhere: value 0, gradient 0" in details[1]
    assert details[-1] == "Not installed here: torch."
