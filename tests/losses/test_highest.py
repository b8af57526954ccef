"""accuracy="highest" against the oracle: faithful, also near sigmoid(x) = y, at every edge."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import EDGE, closed_form, hard_logits, x64_for

from bcejax import bce_gradient, bce_hessian, bce_value_gradient_hessian, bce_with_logits
from bcejax.analysis import exact_values, spacing, worst

DTYPES = [np.float32, np.float64]
BOTH = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
SOFT = [0.3, 0.5, 0.999, 1e-3, 2.0**-20]
BEYOND = {np.float32: 2.0**-44, np.float64: 2.0**-96}  # of the larger term, for the gradient
highest = partial(bce_value_gradient_hessian, accuracy="highest")


def at_once(x, y, c=None, *, jit=True):
    """Value, gradient and hessian at arrays of one dtype.

    Points are repeated up to a fixed number, so that calls share what is compiled.
    """
    n, size = len(x), max(len(x), 1200)
    x, y, c = (None if each is None else np.resize(each, size) for each in (x, y, c))
    with x64_for(x.dtype):
        f = jax.jit(highest) if jit else highest
        return [np.asarray(each)[:n] for each in f(x, y, pos_weight=c)]


@BOTH
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_hard_labels(dtype, label, jit):
    x = hard_logits(dtype, 800)
    y = np.full_like(x, label)
    value, gradient, hessian = at_once(x, y, jit=jit)
    assert worst(value, exact_values("value", x, y), x).error <= 1
    assert worst(gradient, exact_values("gradient", x, y), x).error <= 1
    assert worst(hessian, exact_values("hessian", x, y), x).error <= 1


def around_the_minimum(dtype, label, c=1.0):
    """The logits next to the zero of the gradient, and farther out on both sides."""
    zero = np.array(np.log(c * label / (1 - label)), dtype)
    steps = np.concatenate(
        [np.arange(-20, 21), 2.0 ** np.arange(5, 21), -(2.0 ** np.arange(5, 21))]
    )
    return (zero + steps * np.spacing(np.maximum(np.abs(zero), 0.25))).astype(dtype)


def misses(x, y, gradient, c=1.0):
    """By how much the gradient misses 2 ulp, as a share of the larger of its two terms."""
    exact = exact_values("gradient", x, y, pos_weight=c).float64()
    beyond = np.abs(gradient - exact) - 2 * spacing(exact, x.dtype)
    zeros = (1 - y.astype(np.float64)) / (1 + np.exp(-x.astype(np.float64)))
    ones = c * y.astype(np.float64) / (1 + np.exp(x.astype(np.float64)))
    return (beyond / np.maximum(zeros, ones)).max()


@BOTH
@pytest.mark.parametrize("label", SOFT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_soft_labels(dtype, label, jit):
    x = np.concatenate([hard_logits(dtype, 400), around_the_minimum(dtype, label)])
    y = np.full_like(x, label)
    value, gradient, hessian = at_once(x, y, jit=jit)
    assert worst(value, exact_values("value", x, y), x).error <= 1
    assert worst(hessian, exact_values("hessian", x, y), x).error <= 1
    assert misses(x, y, gradient) <= BEYOND[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_digits_remain_next_to_the_minimum(dtype):
    """Where the fast gradient keeps an absolute error only, this one is right to 2 ulp."""
    y = np.array([0.3], dtype)
    x = around_the_minimum(dtype, 0.3)
    x = x[np.abs(x - np.log(0.3 / 0.7)) > 40 * np.finfo(dtype).eps]
    y = np.full_like(x, 0.3)
    exact = exact_values("gradient", x, y)
    assert worst(at_once(x, y)[1], exact, x).error <= 2
    with x64_for(dtype):
        fast = np.asarray(jax.jit(bce_gradient)(x, y))
    assert worst(fast, exact, x).error > 500


@pytest.mark.parametrize("dtype", DTYPES)
def test_tiny_labels_next_to_the_minimum(dtype):
    """Here 2^-44 of the terms is no normal number, and their low parts are flushed."""
    exponent = {np.float32: np.arange(-30, -15), np.float64: np.arange(-290, -270)}[dtype]
    labels = (3.7 * 10.0**exponent).astype(dtype)
    x = np.concatenate([around_the_minimum(dtype, float(label)) for label in labels])
    y = np.repeat(labels, x.size // labels.size)
    exact = exact_values("gradient", x, y).float64()
    beyond = np.abs(at_once(x, y)[1] - exact) - 2 * spacing(exact, dtype)
    larger = np.maximum(1 / (1 + np.exp(-x.astype(np.float64))), y.astype(np.float64))
    assert (beyond <= BEYOND[dtype] * larger + np.finfo(dtype).tiny).all()
    if dtype == np.float32:  # the clause is needed
        assert (beyond > BEYOND[dtype] * larger).any()


@pytest.mark.parametrize("c", [2.5, 1e-3, 37.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pos_weight(dtype, c):
    for label in (0, 1, 0.3, 0.999):
        x = hard_logits(dtype, 200)
        x = x[np.abs(x) < EDGE[dtype] - 8]  # where c times the result is still normal
        if 0 < label < 1:
            x = np.concatenate([x, around_the_minimum(dtype, label, c)])
        y, weight = np.full_like(x, label), np.full_like(x, c)
        value, gradient, hessian = at_once(x, y, weight)
        exact = partial(exact_values, logits=x, labels=y, pos_weight=weight)
        assert worst(value, exact("value"), x).error <= 1
        assert worst(hessian, exact("hessian"), x).error <= 1
        assert misses(x, y, gradient, weight.astype(np.float64)) <= BEYOND[dtype]


@pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
@pytest.mark.parametrize(("dtype", "n"), [(np.float32, 400_000), (np.float64, 100_000)])
def test_dense_sample(dtype, n, label):
    if np.finfo(np.longdouble).nmant < np.finfo(dtype).nmant + 10:
        pytest.skip("longdouble is no wider here")
    x = hard_logits(dtype, n, seed=3)
    y = np.full_like(x, label)
    value, gradient, hessian = at_once(x, y)
    for quantity, got in (("value", value), ("gradient", gradient), ("hessian", hessian)):
        exact = closed_form(quantity, x, y)
        far = np.abs(exact) > 0.1 * closed_form("sigmoid", x, y)  # longdouble has its digits
        assert worst(got[far], exact[far], x[far]).error <= 1


POINTS = [
    *((x, y) for x in (np.inf, -np.inf, np.nan, 0.0, -0.0) for y in (0, 1, 0.3)),
    *((x, y) for x in (3e38, -3e38, 1e-40) for y in (0, 1, 0.5)),
    *((x, y) for x in (1.0, -np.inf) for y in (2, -1, np.nan, 1.0000001)),
]


@BOTH
@pytest.mark.parametrize("c", [None, 2.5, 0.0])
def test_edges_are_those_of_the_fast_path(c, jit):
    x, y = (np.array(each, np.float32) for each in zip(*POINTS, strict=True))
    c = None if c is None else np.full_like(x, c)
    fast = jax.jit(bce_value_gradient_hessian)(x, y, pos_weight=c)
    for one, other in zip(at_once(x, y, c, jit=jit), fast, strict=True):
        np.testing.assert_allclose(one, other, rtol=4e-7, atol=2e-7)


def test_the_loss_alone_judges_labels_too():
    beyond = 6 * np.finfo(np.float32).eps
    y = np.float32([1 + beyond, -beyond])
    assert np.isnan(bce_with_logits(np.ones_like(y), y, accuracy="highest")).all()


def test_a_mask_hides_nan():
    x, y = jnp.array([jnp.nan, 1.0, jnp.inf]), jnp.array([0.0, 1.0, jnp.nan])
    where = jnp.array([False, True, False])

    def total(x, y):
        return bce_with_logits(x, y, where=where, accuracy="highest").sum()

    value, (in_x, in_y) = jax.value_and_grad(total, (0, 1))(x, y)
    np.testing.assert_array_equal(value, bce_with_logits(1.0, 1, accuracy="highest"))
    np.testing.assert_array_equal(in_x[jnp.array([0, 2])], 0)
    np.testing.assert_array_equal(in_y, [0, -1, 0])


@pytest.mark.parametrize("c", [None, 2.5])
def test_derivatives_are_the_closed_forms(c):
    x = jnp.asarray(hard_logits(np.float32, 400))
    y = jnp.tile(jnp.array([0.0, 1.0, 0.3, 0.999]), x.size)[: x.size]
    loss = partial(bce_with_logits, pos_weight=c, accuracy="highest")
    gradient = jax.jit(jax.vmap(jax.grad(loss)))(x, y)
    hessian = jax.jit(jax.vmap(jax.jacfwd(jax.grad(loss))))(x, y)
    third = jax.jit(jax.vmap(jax.grad(jax.grad(jax.grad(loss)))))(x, y)
    keywords = {"pos_weight": c, "accuracy": "highest"}
    np.testing.assert_array_equal(gradient, jax.jit(partial(bce_gradient, **keywords))(x, y))
    np.testing.assert_array_equal(hessian, jax.jit(partial(bce_hessian, **keywords))(x, y))
    exact = exact_values("third", x, y, pos_weight=1 if c is None else c)
    assert worst(third, exact, x).error <= 5.5
    in_labels = jax.jit(jax.vmap(jax.grad(loss, argnums=1)))(x, y)
    fast = jax.jit(jax.vmap(jax.grad(partial(bce_with_logits, pos_weight=c), argnums=1)))(x, y)
    np.testing.assert_array_equal(in_labels, fast)


def test_hessian_needs_no_labels():
    x, f = hard_logits(np.float32, 100), jax.jit(partial(bce_hessian, accuracy="highest"))
    np.testing.assert_array_equal(f(x), f(x, np.ones_like(x)))


@settings(max_examples=60, deadline=None)
@given(st.floats(-100, 100, width=32), st.integers(0, 2**10))
def test_symmetry_is_bit_exact(x, k):
    y = np.float32(k / 2**10)
    f = jax.jit(highest)
    one, other = f(np.float32(x), y), f(np.float32(-x), 1 - y)
    assert one.value == other.value >= 0
    assert one.gradient == -other.gradient
    assert one.hessian == other.hessian >= 0


@pytest.mark.parametrize("f", [bce_with_logits, bce_gradient, bce_value_gradient_hessian])
def test_unknown_accuracy(f):
    with pytest.raises(ValueError, match="accuracy 'high' is neither None nor 'highest'"):
        f(0.5, 1, accuracy="high")
