"""Losses on probabilities and on their logarithms: accuracy, certain answers, the clip."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.ways import each
from reference import BFLOAT16, x64_for

from bcejax import bce_with_log_probs, bce_with_probs
from bcejax.analysis import Extended, as_extended, exact_values, spacing, ulp_error, worst

DTYPES = [np.float32, np.float64]
INF, NAN = np.inf, np.nan
MOST = np.finfo(np.float32).max
LOSSES = {"probs": bce_with_probs, "log_probs": bce_with_log_probs}


def scores(domain, dtype, n=150):
    """Probabilities from the smallest normal to the neighbour of 1, or their logarithms."""
    draw = np.random.default_rng(0)
    least = np.log(float(np.finfo(dtype).tiny))
    small = np.exp(draw.uniform(0.99 * least, 0, n))
    if domain == "log_probs":
        u = np.concatenate([-np.exp(draw.uniform(-40, np.log(-0.98 * least), n)), np.log(small)])
        return np.concatenate([u, draw.uniform(-3, 0, n)]).astype(dtype)
    near_one = 1 - np.exp(draw.uniform(np.log(np.finfo(dtype).epsneg), 0, n))
    near_half = 0.5 + draw.normal(0, 0.05, n)
    p = np.concatenate([small, near_one, near_half, draw.uniform(0, 1, n)]).astype(dtype)
    return p[(p > 0) & (p < 1)]


def points(domain, dtype, n=150):
    """Each score with labels 0 and 1, soft ones, tiny ones, and its own probability."""
    draw = np.random.default_rng(1)
    s = np.repeat(scores(domain, dtype, n), 6)
    own = s if domain == "probs" else np.exp(s.astype(np.float64))
    kinds = [0, 1, 0.3, draw.random(s.size), own, np.exp(draw.uniform(-60, 0, s.size))]
    y = np.select([np.arange(s.size) % 6 == i for i in range(6)], kinds).astype(dtype)
    return s, y


ROWS = [  # domain, quantity, function, bounds in ulp for hard and for soft labels
    ("probs", "value", bce_with_probs, 4, 4),
    ("probs", "gradient", each(jax.grad(bce_with_probs)), 2, 3),
    ("probs", "gradient", each(jax.jacfwd(bce_with_probs)), 2, 3),
    ("probs", "hessian", each(jax.hessian(bce_with_probs)), 5, 5),
    ("probs", "label_gradient", each(jax.grad(bce_with_probs, 1)), 5, 5),
    ("log_probs", "value", bce_with_log_probs, 5, 5),
    ("log_probs", "gradient", each(jax.grad(bce_with_log_probs)), 6, 7),
    ("log_probs", "gradient", each(jax.jacfwd(bce_with_log_probs)), 6, 7),
    ("log_probs", "hessian", each(jax.hessian(bce_with_log_probs)), 13, 13),
    ("log_probs", "label_gradient", each(jax.grad(bce_with_log_probs, 1)), 7, 7),
]


@cache
def case(quantity, domain, dtype):
    s, y = points(domain, dtype)
    return s, y, exact_values(quantity, s, y, domain=domain)


def unit_of(quantity, domain, s, y, exact):
    """A difference that can be 0 is measured by the larger of its terms."""
    size, s, y = np.abs(exact), s.astype(np.longdouble), y.astype(np.longdouble)
    if quantity == "gradient":
        ones, zeros = (1 / s, 1 / (1 - s)) if domain == "probs" else (1, 1 / np.expm1(-s))
        size = np.maximum(size, np.maximum(y * ones, (1 - y) * zeros))
    if quantity == "label_gradient" and domain == "log_probs":
        size = np.maximum(size, -s)
    return size.astype(np.float64)


def check(row, dtype, got, exact, s, y):
    """No error above its bound, wherever nothing overflows or is subnormal."""
    domain, quantity, _, hard_bound, soft_bound = row
    info, size = np.finfo(dtype), np.abs(exact.float64())
    unit = unit_of(quantity, domain, s, y, exact.float64())
    fits = (unit < info.max / 4) & ((size >= info.tiny) | (size == 0))
    if quantity == "hessian":  # 1 / p^2 does not overflow
        fits &= np.abs(s) > 4 * np.sqrt(info.tiny)
    assert fits.mean() > 0.7
    exact, got, s, y, unit = (
        Extended(*(p[fits] for p in exact)),
        got[fits],
        s[fits],
        y[fits],
        unit[fits],
    )
    error = ulp_error(got, exact) * (spacing(exact, dtype) / spacing(unit, dtype))
    error /= np.where((y == 0) | (y == 1), hard_bound, soft_bound)
    i = np.argmax(error)
    assert error[i] <= 1, f"at {s[i]!r} {y[i]!r}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_within_bound_of_exact(row, dtype):
    domain, quantity, f, *_ = row
    s, y, exact = case(quantity, domain, dtype)
    with x64_for(dtype):
        got = np.asarray(jax.jit(f)(s, y))
    check(row, dtype, got, exact, s, y)


@pytest.mark.parametrize("f", [bce_with_probs, bce_with_log_probs])
def test_eager_is_as_good(f):
    domain = "probs" if f is bce_with_probs else "log_probs"
    row = next(row for row in ROWS if row[2] is f)
    s, y, exact = case("value", domain, np.float32)
    check(row, np.float32, np.asarray(f(s, y)), exact, s, y)


def in_longdouble(quantity, domain, s, y):
    """The closed forms, good to 1e-18 of their larger term."""
    s, y = s.astype(np.longdouble), y.astype(np.longdouble)
    if domain == "probs":
        ones, zeros = {
            "value": (-np.log(s), -np.log1p(-s)),
            "gradient": (-1 / s, 1 / (1 - s)),
            "hessian": (1 / s**2, 1 / (1 - s) ** 2),
        }[quantity]
    else:
        odds = 1 / np.expm1(-s)
        rest = np.where(s < -1, -np.log1p(-np.exp(s)), -np.log(-np.expm1(s)))
        ones, zeros = {
            "value": (-s, rest),
            "gradient": (-1, odds),
            "hessian": (0, odds * (1 + odds)),
        }[quantity]
    return y * ones + (1 - y) * zeros


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r[1] != "label_gradient"], ids=lambda r: f"{r[0]}-{r[1]}"
)
def test_dense_float32_sample(row):
    domain, quantity, f, *_ = row
    s, y = points(domain, np.float32, 15_000)
    exact = as_extended(in_longdouble(quantity, domain, s, y))
    check(row, np.float32, np.asarray(jax.jit(f)(s, y)), exact, s, y)


@pytest.mark.parametrize("f", [bce_with_probs, lambda p, y: bce_with_log_probs(jnp.log(p), y)])
def test_certain_answers(f):
    p, y = np.float32([0, 0, 0, 1, 1, 1]), np.float32([0, 0.5, 1, 0, 0.5, 1])
    np.testing.assert_array_equal(jax.jit(f)(p, y), [0, INF, INF, INF, INF, 0])


def test_gradients_of_certain_probabilities():
    """Where the answer is right the slope is -1 or 1, not nan and not 0."""
    p, y = np.float32([0, 0, 0, 1, 1, 1]), np.float32([0, 0.5, 1, 0, 0.5, 1])
    for derivative in (jax.grad, jax.jacfwd, jax.jacrev):
        got = each(derivative(bce_with_probs))(p, y)
        np.testing.assert_array_equal(got, np.float32([1, -MOST / 2, -MOST, MOST, MOST / 2, -1]))
        by_label = each(derivative(bce_with_probs, 1))(p, y)
        np.testing.assert_array_equal(by_label, np.float32([MOST] * 3 + [-MOST] * 3))
    tangent = jax.jit(partial(jax.jvp, bce_with_probs))((p, y), (0 * p, 0 * y))[1]
    np.testing.assert_array_equal(tangent, 0 * p)
    assert np.isfinite(each(jax.hessian(bce_with_probs))(p, y)).all()


def test_gradients_of_certain_log_probabilities():
    u, y = np.float32([-INF, -INF, -INF, 0, 0, 0]), np.float32([0, 0.5, 1, 0, 0.5, 1])
    for derivative in (jax.grad, jax.jacfwd, jax.jacrev):
        got = each(derivative(bce_with_log_probs))(u, y)
        np.testing.assert_array_equal(got, np.float32([0, -0.5, -1, MOST, MOST / 2, -1]))
        by_label = each(derivative(bce_with_log_probs, 1))(u, y)
        np.testing.assert_array_equal(by_label, np.float32([MOST] * 3 + [-MOST] * 3))
    tangent = jax.jit(partial(jax.jvp, bce_with_log_probs))((u, y), (0 * y, 0 * y))[1]
    np.testing.assert_array_equal(tangent, 0 * y)


def test_tiny_probabilities_keep_their_gradient():
    """Clamped forms give 0, 1e-18 or -1e12 here."""
    slope = jax.jit(jax.grad(bce_with_probs))
    assert slope(1e-30, 0) == 1
    assert abs(slope(1e-30, 1) + 1e30) <= 1e30 * 2**-23
    assert abs(slope(1e-8, 1) + 1e8) <= 1e8 * 2**-23
    assert jax.jit(jax.grad(slope))(1e-30, 0) == 1


@pytest.mark.parametrize("y", [0, 1, 0.3])
@pytest.mark.parametrize(
    ("f", "bad"),
    [(bce_with_probs, [NAN, -1e-6, 1 + 1e-6, 85.0]), (bce_with_log_probs, [NAN, 1e-6, 0.5, INF])],
)
def test_scores_out_of_range_give_nan(f, bad, y):
    s, labels = np.float32(bad), np.full(len(bad), y, np.float32)
    ways = f, each(jax.grad(f)), each(jax.grad(f, 1)), each(jax.hessian(f))
    for got in jax.jit(lambda s, y: [way(s, y) for way in ways])(s, labels):
        np.testing.assert_array_equal(got, np.full(len(bad), NAN))


@pytest.mark.parametrize("f", [bce_with_probs, bce_with_log_probs])
def test_labels_out_of_range_give_nan(f):
    s = -0.5 if f is bce_with_log_probs else 0.5
    every = jax.jit(lambda s, y: (f(s, y), *jax.grad(f, (0, 1))(s, y)))
    for y in (NAN, 2.0, -1.0, 85.0):
        assert np.isnan(every(s, y)).all()


def test_rounding_of_scores_is_forgiven():
    eps = np.finfo(np.float32).eps
    assert bce_with_probs(np.float32(1 + 4 * eps), 1) == 0
    assert bce_with_probs(np.float32(-4 * eps), 0) == 0
    assert bce_with_log_probs(np.float32(4 * eps), 1) == 0
    assert jax.grad(bce_with_probs)(np.float32(1 + 4 * eps), 1.0) == -1


@pytest.mark.parametrize("bad", [NAN, INF, 7.0])
@pytest.mark.parametrize("f", [bce_with_probs, bce_with_log_probs])
def test_where_hides_whatever_lies_there(f, bad):
    good, keep = (-0.5 if f is bce_with_log_probs else 0.5), np.array([True, False])

    @jax.jit
    def results(s, y):
        ones = (jnp.ones_like(s), jnp.ones_like(y))
        pushed = jax.jvp(lambda s, y: f(s, y, where=keep), (s, y), ones)
        return *pushed, jax.grad(lambda s, y: f(s, y, where=keep).sum(), (0, 1))(s, y)

    for s, y in (
        (np.float32([good, bad]), np.float32([0, 1])),
        (np.float32([good] * 2), np.float32([0, bad])),
    ):
        losses, tangent, gradients = results(s, y)
        assert losses[0] == f(np.float32(good), 0)
        assert losses[1] == tangent[1] == gradients[0][1] == gradients[1][1] == 0
        assert np.isfinite(gradients).all()


CLIP = 1e-7


def test_clip_gives_the_numbers_of_keras():
    """1 - 1e-7 rounds to 1 - 2^-23 in float32: the famous asymmetry."""
    p, y = np.float32([1, 0, 1, 0]), np.float32([0, 1, 1, 0])
    got = bce_with_probs(p, y, clip=CLIP)
    np.testing.assert_array_equal(got[:2], np.float32([15.942385, 16.118095]))
    np.testing.assert_allclose(got[2:], [1.19e-7, 1e-7], rtol=2e-3)


@pytest.mark.parametrize("dtype", [BFLOAT16, np.float16])
def test_clip_holds_in_16_bits(dtype):
    """In bfloat16 itself 1 - 1e-7 is 1, and clips nothing."""
    assert bce_with_probs(dtype(1), 0, clip=CLIP) == np.float32(15.942385)


def test_clip_has_gradient_0_where_it_acts():
    p, y = np.float32([0, 1e-8, 1, 1, 0.25]), np.float32([1, 1, 0, 1, 1])
    slope = each(jax.grad(lambda p, y: bce_with_probs(p, y, clip=CLIP)))(p, y)
    np.testing.assert_array_equal(slope, [0, 0, 0, 0, -4])
    np.testing.assert_array_equal(each(jax.grad(bce_with_probs))(p, y)[3:], [-1, -4])
    edges = np.float32([CLIP, 1 - CLIP])
    slope = each(jax.grad(lambda p: bce_with_probs(p, 1.0, clip=CLIP)))(edges)
    np.testing.assert_allclose(slope, -1 / edges, rtol=2e-7)


@pytest.mark.parametrize("clip", [0, 0.5, -1e-7, 1.0, NAN])
def test_clip_lies_between_0_and_one_half(clip):
    with pytest.raises(ValueError, match=r"clip lies in \(0, 1/2\), got"):
        bce_with_probs(0.5, 1, clip=clip)


@pytest.mark.parametrize("dtype", [BFLOAT16, np.float16])
def test_every_probability_of_16_bits_rounds_once(dtype):
    p = np.arange(2**16).astype(np.uint16).view(dtype)
    wide = p.astype(np.float32)
    p = p[(wide >= np.finfo(np.float32).tiny) & (wide < 1)]
    for label in (0, 1, 0.3, 0.999):
        y = np.full(p.shape, label, np.float32)
        got = np.asarray(jax.jit(bce_with_probs)(p, y))
        assert got.dtype == np.float32
        exact = in_longdouble("value", "probs", p, y)
        assert worst(got.astype(dtype), exact, p).error <= 0.501
