"""Infinite, missing, zero and tiny logits; labels out of range; masked values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import ROWS, each, every_way, loss
from reference import closed_form, x64_for

from bcejax import bce_gradient, bce_hessian, bce_value_gradient_hessian, bce_with_logits
from bcejax.analysis import exact_values

INF, NAN = np.inf, np.nan
MOST = np.finfo(np.float32).max
EPS = np.finfo(np.float32).eps
TINY = [1e-45, -1e-45, 1e-39, -1e-39]


def float32(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize("c", [None, 2.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_logits_reach_the_limit(dtype, c):
    x = np.repeat(np.array([INF, -INF], dtype), 3)
    y = np.tile(np.array([0, 1, 0.3], dtype), 2)
    weight = None if c is None else np.full(6, c, dtype)
    with x64_for(dtype):
        results = every_way(x, y, weight)
    for (quantity, way), got in results.items():
        exact = exact_values(quantity, x, y, pos_weight=1 if c is None else c)
        np.testing.assert_array_equal(got, exact.float64().astype(dtype), way)


CORNERS = [  # infinite logits with each label and weight
    np.array(each, np.float32)
    for each in zip(
        *((x, y, c) for x in (INF, -INF) for y in (0, 1, 0.3) for c in (0, 0.5, 2.5)), strict=True
    )
]


def test_zero_tangents_stay_zero_at_infinite_logits():
    @jax.jit
    def tangents(x, y, c):
        zeros = (jnp.zeros_like(x),) * 3
        first = jax.jvp(bce_with_logits, (x, y), zeros[:2])[1]
        orders = [each(loss), each(jax.grad(loss)), each(jax.grad(jax.grad(loss)))]
        return [first, *(jax.jvp(f, (x, y, c), zeros)[1] for f in orders)]

    for got in tangents(*CORNERS):
        np.testing.assert_array_equal(got, np.zeros(18))


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd, jax.jacrev])
def test_label_and_weight_derivatives_at_infinite_logits_are_finite(derivative):
    @jax.jit
    def derivatives(x, y, c):
        by_label = derivative(bce_with_logits, 1)
        plain = [by_label, *(derivative(by_label, place) for place in (0, 1))]
        weighted = [derivative(loss, place) for place in (1, 2)]
        return [*(each(f)(x, y) for f in plain), *(each(f)(x, y, c) for f in weighted)]

    x, y, c = CORNERS
    expected = [
        np.where(x > 0, -MOST, MOST),
        np.full(18, -1),
        np.zeros(18),
        np.where(x > 0, -MOST, np.minimum(c, 1) * MOST),
        np.where(x > 0, 0, y * MOST),
    ]
    for got, want in zip(derivatives(x, y, c), expected, strict=True):
        np.testing.assert_array_equal(got, want)


NOT_NUMBERS = [  # logit, label
    *((NAN, y) for y in (0, 1, 0.3, NAN)),
    *((x, NAN) for x in (0, 1, -30, INF, -INF)),
    *((x, y) for x in (0, 2, -30, INF, -INF) for y in (2, -1, 1 + 6 * EPS, -6 * EPS, INF, 85)),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "pos_weight"])
def test_nan_and_labels_out_of_range_give_nan(weighted):
    x, y = map(np.float32, zip(*NOT_NUMBERS, strict=True))
    for row, got in every_way(x, y, np.full_like(x, 2) if weighted else None).items():
        np.testing.assert_array_equal(got, np.full(x.shape, NAN), f"{row}")


@pytest.mark.parametrize("smoothing", [0.0, 0.9])
def test_nan_and_labels_out_of_range_give_nan_in_other_derivatives(smoothing):
    def smoothed(x, y, c):
        return bce_with_logits(x, y, pos_weight=c, label_smoothing=smoothing)

    x, y = map(np.float32, zip(*NOT_NUMBERS, strict=True))
    ones = np.ones_like(x)
    for f in (smoothed, *(each(jax.grad(smoothed, place)) for place in (0, 1, 2))):
        np.testing.assert_array_equal(jax.jit(f)(x, y, ones), np.full(x.shape, NAN))


@pytest.mark.parametrize("c", [-1.0, NAN])
def test_weights_that_are_negative_or_nan_give_nan(c):
    args = np.float32(1), np.float32(0.3), np.float32(c)
    for f in (loss, *(jax.grad(loss, place) for place in (0, 1, 2)), jax.hessian(loss)):
        assert np.isnan(jax.jit(f)(*args))


def test_rounding_of_labels_is_forgiven():
    x = np.float32([-2, 3, 0.5, 0.5])
    near, meant = np.float32([-4 * EPS, 1 + 4 * EPS, 1 + EPS, -1e-9]), np.float32([0, 1, 1, 0])
    got, want = every_way(x, near), every_way(x, meant)
    for row in ROWS:
        np.testing.assert_array_equal(got[row], want[row], f"{row}")
    in_label = jax.jit(jax.vmap(jax.grad(bce_with_logits, 1)))
    np.testing.assert_array_equal(in_label(x, near), -x)


def test_at_logit_zero():
    """Zero-initialised models start here, and autodiff through abs or maximum fails here."""
    y = np.tile(np.float32([0, 1, 0.25, 0.3, 0.5, 0.999]), 2)
    x = np.repeat(np.float32([0.0, -0.0]), 6)
    for (quantity, way), got in every_way(x, y).items():
        if quantity == "value":
            assert np.abs(got.astype(np.float64) - np.log(2)).max() <= EPS / 4, way
        else:
            want = {"gradient": np.float32(0.5) - y, "hessian": 0.25 + 0 * x, "third": 0 * x}
            np.testing.assert_array_equal(got, want[quantity], way)


def test_subnormal_logits_are_as_good_as_zero():
    x, y = map(np.float32, zip(*((x, y) for x in TINY for y in (0, 1, 0.3)), strict=True))
    got, want = every_way(x, y), every_way(0 * x, y)
    for row in ROWS:
        if row[0] != "third":
            np.testing.assert_array_equal(got[row], want[row], f"{row}")


@pytest.mark.parametrize("sign", [1, -1])
def test_far_logits_end_below_the_normal_numbers(sign):
    x = np.float32([88, 104, 1e4, 3e38]) * np.float32(sign)
    wrong, right = np.full_like(x, sign < 0), np.full_like(x, sign > 0)
    for (quantity, way), got in every_way(x, wrong).items():
        if quantity in ("value", "gradient"):
            want = np.abs(x) if quantity == "value" else np.full_like(x, sign)
            np.testing.assert_array_equal(got, want, way)
    for (quantity, way), got in every_way(x, right).items():
        exact = np.abs(closed_form(quantity, x, right))
        assert (np.abs(got) <= exact * (1 + EPS)).all(), way


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 1, 3)])
def test_shapes(shape):
    @jax.jit
    def results(x, y):
        slope = jax.grad(lambda x: bce_with_logits(x, y, pos_weight=2.0).sum())(x)
        closed = bce_gradient(x, y), bce_hessian(x), bce_hessian(x, y)
        return *closed, bce_with_logits(x, y), slope, *bce_value_gradient_hessian(x, y)

    got = results(np.ones(shape, np.float32), np.zeros(shape, np.float32))
    assert {each.shape for each in got} == {shape}
    np.testing.assert_array_equal(got[1], got[2])


KEEP = np.array([True, False, True])
GIVEN = (float32(1, 2, 3), float32(0, 1, 0.3), float32(2, 2, 2), float32(0.1, 0.1, 0.1))


@jax.jit
def masked_results(*args):
    """Losses, tangents, gradients, Jacobians both ways and a Hessian, in all arguments."""

    def masked(x, y, c, smoothing):
        return bce_with_logits(x, y, pos_weight=c, label_smoothing=smoothing, where=KEEP)

    def total(*args):
        return masked(*args).sum()

    every = tuple(range(4))
    losses, tangent = jax.jvp(masked, args, (jnp.ones_like(args[0]),) * 4)
    jacobians = [derivative(masked, every)(*args) for derivative in (jax.jacrev, jax.jacfwd)]
    return losses, tangent, jax.grad(total, every)(*args), jacobians, jax.hessian(total)(*args)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("place", range(4), ids=["logits", "labels", "pos_weight", "smoothing"])
def test_where_hides_whatever_lies_there(place, bad):
    args = list(GIVEN)
    args[place] = np.where(np.arange(3) == 1, np.float32(bad), args[place])
    got, want = jax.tree.leaves(masked_results(*args)), jax.tree.leaves(masked_results(*GIVEN))
    for hidden, finite in zip(got, want, strict=True):
        np.testing.assert_array_equal(hidden[..., 1], 0)
        np.testing.assert_array_equal(hidden, finite)


def test_where_hides_in_the_closed_forms():
    x, y, keep = float32(1, NAN, INF), float32(1, 7, NAN), np.array([True, False, False])
    for got in bce_value_gradient_hessian(x, y, pos_weight=float32(1, NAN, -1), where=keep):
        assert (got[1:] == 0).all()
        assert got[0] != 0
    assert (bce_gradient(x, y, where=keep)[1:] == 0).all()
    assert (bce_hessian(x, y, where=keep)[1:] == 0).all()
    assert (bce_hessian(x, where=keep)[1:] == 0).all()


def test_where_and_pos_weight_broadcast():
    x = y = np.ones((3, 2), np.float32)
    rows, columns = np.array([[True], [False], [True]]), np.array([True, False])
    loss = jax.jit(bce_with_logits)
    np.testing.assert_array_equal(loss(x, y, where=rows)[1], [0, 0])
    np.testing.assert_array_equal(loss(x, y, where=columns)[:, 1], [0, 0, 0])
    np.testing.assert_array_equal(loss(x, y, where=False), np.zeros((3, 2)))
    weighted = np.asarray(loss(x, y, pos_weight=np.float32([1, 2])))
    np.testing.assert_array_equal(weighted[:, 1], 2 * weighted[:, 0])


@pytest.mark.parametrize("accuracy", [None, "highest"])
def test_an_infinite_weight_is_as_large_as_numbers_are(accuracy):
    """It is what n0 / n1 is where no label is 1: labels 0 do not see it."""
    x = float32(20, 0.5, 0, -20)

    @jax.jit
    def forms(y, c):
        return bce_value_gradient_hessian(x, y, pos_weight=c, accuracy=accuracy)

    for weighted, plain in zip(forms(0 * x, INF), forms(0 * x, 1.0), strict=True):
        np.testing.assert_array_equal(weighted, plain)
    value, gradient, hessian = forms(0 * x + 1, INF)
    assert (value > 1e29).all()
    assert (gradient < -1e29).all()
    assert (hessian > 1e29).all()
    assert np.isfinite(gradient).all()
