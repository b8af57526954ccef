"""Accuracy of the loss on logits, by every way to every derivative, against the oracle."""

from functools import cache

import jax
import numpy as np
import pytest
from losses.ways import ROWS, WAYS, every_way
from reference import BFLOAT16, closed_form, hard_logits, x64_for

from bcejax import bce_with_logits
from bcejax.analysis import as_extended, exact_values, spacing, ulp_error, worst

DTYPES = [np.float32, np.float64]
# What the docstring of bce_with_logits promises, in ulp.
BOUNDS = {"value": 3, "gradient": 1, "hessian": 2.5, "third": 5}
WEIGHTED_BOUNDS = {"value": 5, "gradient": 2, "soft gradient": 4, "hessian": 3.5, "third": 5.5}

LEAST = {np.float32: 1e-30, np.float64: 1e-290}  # the soft label for which it holds


@cache
def points(dtype, n, *, weighted=False, seed=0):
    """Hard logits, each with labels 0 and 1, soft ones, tiny ones, and where the gradient is 0."""
    draw = np.random.default_rng(seed)
    x = np.repeat(hard_logits(dtype, n, seed), 7)
    with np.errstate(over="ignore", under="ignore"):
        balanced = 1 / (1 + np.exp(-x.astype(np.float64)))
    tiny = np.exp(draw.uniform(np.log(LEAST[dtype]), 0, x.size))
    kinds = [0, 1, 0.3, draw.random(x.size), balanced, tiny, np.float32(0.999)]
    y = np.select([np.arange(x.size) % 7 == i for i in range(7)], kinds).astype(dtype)
    c = np.exp(draw.uniform(-5, 5, x.size)).astype(dtype) if weighted else None
    return x, y, c


@cache
def truth(quantity, dtype, n, *, weighted=False):
    x, y, c = points(dtype, n, weighted=weighted)
    return exact_values(quantity, x, y, pos_weight=1 if c is None else c)


def check(quantity, got, exact, x, y, c):
    """No error above its bound, wherever nothing is subnormal."""
    exact = as_extended(exact)
    size, tiny = np.abs(exact.float64()), np.finfo(got.dtype).tiny
    error = ulp_error(got, exact) / bounds(quantity, y, c)
    if quantity == "gradient":
        unit = spacing(np.where(is_hard(y), size, soft_gradient_unit(x, y, c)), got.dtype)
        error *= spacing(exact, got.dtype) / unit
    normal = (size >= tiny) | (size == 0)
    share = y.astype(np.float64) * (1 if c is None else c)
    fits = normal & ((y == 0) | (share >= LEAST[got.dtype.type]))
    assert fits.mean() > 0.95
    i = np.argmax(np.where(fits, error, 0))
    assert error[i] <= 1, f"x = {x[i]!r}, y = {y[i]!r}, c = {c if c is None else c[i]!r}"


def bounds(quantity, y, c):
    if c is None:
        return BOUNDS[quantity]
    soft = WEIGHTED_BOUNDS.get("soft " + quantity, WEIGHTED_BOUNDS[quantity])
    return np.where(is_hard(y), WEIGHTED_BOUNDS[quantity], soft)


def is_hard(y):
    return (y == 0) | (y == 1)


def soft_gradient_unit(x, y, c):
    """The larger of sigmoid and gradient; with pos_weight the larger of the gradient's terms."""
    if c is None:
        parts = closed_form("sigmoid", x, 0), np.abs(closed_form("gradient", x, y))
    else:
        ones, zeros = closed_form("gradient", x, 1, c), closed_form("gradient", x, 0)
        parts = -y * ones, (1 - y.astype(np.longdouble)) * zeros
    return np.maximum(*parts).astype(np.float64)


ENDS = [(quantity, way) for quantity, ways in WAYS.items() for way in (*ways,)[:: len(ways) - 1]]


@cache
def results(dtype, *, weighted):
    with x64_for(dtype):
        return every_way(*points(dtype, 100, weighted=weighted))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "pos_weight"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("quantity", "way"), ROWS)
def test_within_bound_of_exact(quantity, way, dtype, weighted):
    got = results(dtype, weighted=weighted)[quantity, way]
    assert got.dtype == dtype
    exact = truth(quantity, dtype, 100, weighted=weighted)
    check(quantity, got, exact, *points(dtype, 100, weighted=weighted))


@pytest.mark.parametrize(("quantity", "way"), ENDS)
def test_within_bound_of_exact_when_eager(quantity, way):
    """Operation by operation: by the shortest way and by the longest, made of the same ones."""
    x, y, _ = points(np.float32, 100)
    got = np.asarray(WAYS[quantity][way](x, y, None))
    assert got.dtype == np.float32
    check(quantity, got, truth(quantity, np.float32, 100), x, y, None)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "pos_weight"])
@pytest.mark.parametrize("quantity", BOUNDS)
def test_dense_float32_sample(quantity, weighted):
    x, y, c = points(np.float32, 60_000, weighted=weighted, seed=1)
    f = next(reversed(WAYS[quantity].values()))
    got = np.asarray(jax.jit(f)(x, y, c))
    check(quantity, got, closed_form(quantity, x, y, 1 if c is None else c), x, y, c)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quantity", ["label_gradient", "pos_weight_gradient"])
def test_derivatives_in_label_and_weight(quantity, dtype):
    """Of the label's, the two terms cancel where c is near 1 and where x is near log c."""
    x, y, c = points(dtype, 100, weighted=True)
    place = {"label_gradient": 1, "pos_weight_gradient": 2}[quantity]

    def weighted(x, y, c):
        return bce_with_logits(x, y, pos_weight=c)

    with x64_for(dtype):
        got = np.asarray(jax.jit(jax.vmap(jax.grad(weighted, place)))(x, y, c))
        plain = np.asarray(jax.jit(jax.vmap(jax.grad(bce_with_logits, 1)))(x, y))
    exact = truth(quantity, dtype, 100, weighted=True)
    np.testing.assert_array_equal(plain, -x)
    terms = closed_form("value", x, 1, c), closed_form("value", x, 0)
    unit = np.maximum(*terms) if quantity == "label_gradient" else exact.float64()
    normal = unit >= np.finfo(dtype).tiny
    error = ulp_error(got, exact) * (spacing(exact, dtype) / spacing(unit, dtype))
    assert error[normal].max() <= 4


def every_logit(dtype):
    """All finite numbers of a format of 16 bits."""
    logits = np.arange(2**16).astype(np.uint16).view(dtype)
    return logits[np.isfinite(logits.astype(np.float32))]


@jax.jit
def value_and_gradient(logits, labels):
    losses, pull = jax.vjp(lambda x: bce_with_logits(x, labels), logits)
    return losses, pull(np.ones(losses.shape, losses.dtype))[0]


@pytest.mark.parametrize("label", [0, 1, 0.3, 0.5, 0.999])
@pytest.mark.parametrize("dtype", [BFLOAT16, np.float16])
def test_every_logit_of_16_bits_rounds_once(dtype, label):
    x = every_logit(dtype)
    y = np.full(x.shape, label, np.float32)
    losses, gradients = value_and_gradient(x, y)
    assert losses.dtype == np.float32
    assert gradients.dtype == dtype
    slope = closed_form("gradient", x, y)
    if label == 0.5:  # the closed form loses its digits at 1e-19
        slope = np.tanh(x.astype(np.longdouble) / 2) / 2
    pairs = (losses.astype(dtype), closed_form("value", x, y)), (gradients, slope)
    for got, exact in pairs:
        normal = (np.abs(exact) >= np.finfo(np.float32).tiny) | (exact == 0)
        assert worst(np.asarray(got)[normal], exact[normal], x[normal]).error <= 0.501


def test_labels_are_not_rounded_to_bfloat16():
    x, y = np.array([3], BFLOAT16), np.array([0.999], np.float32)
    assert abs(bce_with_logits(x, y)[0] - 0.0515873) < 1e-6
    assert float(bce_with_logits(x, y)[0].astype(BFLOAT16)) == 0.051513671875
