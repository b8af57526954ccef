"""Errors in the units of the table, and the line that says what is wrong."""

import numpy as np
import pytest

from bcejax import bce_with_logits, bce_with_probs
from bcejax.analysis import Status, Subject, spacing
from bcejax.analysis.auditing.bench import set_up
from bcejax.analysis.auditing.judging import BOUNDS, compare, conclude, measure
from bcejax.analysis.auditing.points import Points

LABELS = (0.0, 1.0, 0.25)


@pytest.fixture(scope="module")
def bench():
    return set_up(Subject("ours", bce_with_logits), np.dtype("float32"), LABELS)


@pytest.fixture(scope="module")
def on_probs():
    return set_up(Subject("ours", bce_with_probs, form="probs"), np.dtype("float32"), LABELS)


def at(score, label, region="here"):
    return Points((score,), (label,), (region,))


@pytest.mark.parametrize(
    ("quantity", "score", "label", "unit"),
    [  # the number whose unit counts
        ("value", 30.0, 1.0, np.exp(-30.0)),
        ("gradient", 30.0, 1.0, np.exp(-30.0)),
        ("gradient", 30.0, 0.25, 0.9),
        ("gradient", -1.0986123, 0.25, 0.2499),  # sigmoid(x) = y
        ("gradient", -30.0, 0.25, 0.2499),
        ("hessian", 30.0, 0.25, np.exp(-30.0)),
        ("third", 1e-6, 1.0, 0.2499),  # of the hessian
        ("label_gradient", 1e-6, 1.0, 0.6932),  # of log 2
        ("label_gradient", 30.0, 1.0, 30.0),
    ],
)
def test_the_unit_of_each_quantity(bench, quantity, score, label, unit):
    score, label = float(np.float32(score)), float(np.float32(label))
    points = at(score, label)
    right = measure(bench, quantity, points, np.float32([0])).right
    step = float(spacing(unit, np.float32))
    for count in (3, 40):
        got = np.float64(right + count * step)  # wider than the dtype that is judged
        reading = measure(bench, quantity, points, got)
        assert reading.errors[0] == pytest.approx(count, rel=1e-4)
        assert reading.wrong[0] == (count > BOUNDS[quantity])


def test_results_beyond_the_normal_numbers(bench, on_probs):
    flushed = measure(bench, "hessian", at(95.0, 0.0), np.float32([0]))
    assert flushed.errors[0] == 0
    part = measure(bench, "hessian", at(86.0, 0.0), np.float32([np.exp(-86.0) - 1e-38]))
    assert part.errors[0] == 0  # a part of it may be flushed
    larger = measure(bench, "hessian", at(80.0, 0.0), np.float32([np.exp(-80.0) - 1e-38]))
    assert larger.errors[0] > 500
    alive = measure(bench, "hessian", at(95.0, 0.0), np.float32([1e-30]))
    assert alive.wrong[0]
    largest = np.finfo(np.float32).max
    for got, wrong in ((np.inf, False), (largest, False), (largest / 2, True), (-largest, True)):
        reading = measure(on_probs, "hessian", at(1e-30, 1.0), np.float32([got]))
        assert reading.wrong[0] == wrong, got
    quarter = measure(on_probs, "hessian", at(1e-30, 0.25), np.float32([largest / 4]))
    assert not quarter.wrong[0]


def test_two_ways_may_each_be_off_by_the_bound(bench):
    step = float(spacing(np.exp(-30.0), np.float32))
    points, other = at(30.0, 1.0), np.exp(-30.0)
    for count, wrong in ((7, False), (9, True)):
        got = np.array([other + count * step])
        reading = compare(bench, "value", points, got, np.array([other]), "under jit")
        assert reading.wrong[0] == wrong
    for special in (np.inf, np.nan):
        same = np.array([special])
        assert not compare(bench, "value", points, same, same, "under jit").wrong[0]
        assert compare(bench, "value", points, same, np.zeros(1), "under jit").wrong[0]


@pytest.mark.parametrize(
    ("got", "note"),
    [
        (0.0, "value is 0 where 9.36e-14 is right; here"),
        (np.nan, "value is nan where 9.36e-14 is right; here"),
        (-1e-13, "value is -1e-13 where 9.36e-14 is right; here"),
        (9.35765e-14, "ulp off; here"),
    ],
)
def test_the_line_says_what_is_wrong(bench, got, note):
    check = conclude([measure(bench, "value", at(30.0, 1.0), np.float32([got]))])
    assert check.status is Status.FAILED
    assert note in check.note
    assert (check.at, check.bound) == ((30.0, 1.0), 4)


def test_the_place_is_the_first_that_is_about_as_wrong(bench):
    points = Points((50.0, 20.0, 30.0, -2.0), (1.0,) * 4, ("right", "right", "right", "left"))
    right = measure(bench, "value", points, np.zeros(4)).right
    got = np.where([True, True, True, False], 0, right)
    check = conclude([measure(bench, "value", points, got)])
    assert check.at == (20.0, 1.0)
    assert check.note.endswith("; right")
    both = conclude([measure(bench, "value", points, np.zeros(4))])
    assert both.note.endswith("; left, right")


def test_the_worst_of_several_readings_speaks(bench):
    fine = measure(bench, "value", at(30.0, 1.0), np.float32([np.exp(-30.0)]))
    dead = measure(bench, "hessian", at(30.0, 1.0), np.float32([0]))
    assert conclude([fine, dead]).note.startswith("hessian is 0")
    assert conclude([fine]).note == "within 4 ulp"
