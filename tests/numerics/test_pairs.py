"""Pairs against exact rational arithmetic, in one compiled function as in many small ones."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import hard_logits, x64_for

from bcejax.numerics import Pair, over, plus, product, quick_sum, times, two_sum, upper_half

DTYPES = [np.float32, np.float64]
LOST = {np.float32: Fraction(1, 2**46), np.float64: Fraction(1, 2**104)}
BOTH = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def rational(pair):
    return [Fraction(float(high)) + Fraction(float(low)) for high, low in zip(*pair, strict=True)]


def operands(dtype):
    one, other = (hard_logits(dtype, 400, seed=seed)[:300] for seed in (1, 2))
    return one, other, [Fraction(float(v)) for v in one], [Fraction(float(v)) for v in other]


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_sum_loses_nothing(dtype, jit):
    a, b, exact_a, exact_b = operands(dtype)
    with x64_for(dtype):
        got = (jax.jit(two_sum) if jit else two_sum)(jnp.asarray(a), jnp.asarray(b))
    assert rational(got) == [one + other for one, other in zip(exact_a, exact_b, strict=True)]


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_quick_sum_loses_nothing_where_the_first_is_larger(dtype, jit):
    a, b, *_ = operands(dtype)
    a, b = np.where(np.abs(a) >= np.abs(b), [a, b], [b, a])
    with x64_for(dtype):
        got = (jax.jit(quick_sum) if jit else quick_sum)(jnp.asarray(a), jnp.asarray(b))
    exact = [Fraction(float(one)) + Fraction(float(other)) for one, other in zip(a, b, strict=True)]
    assert rational(got) == exact


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_is_recovered(dtype, jit):
    """XLA moves constants together: (a + c) - c would become a, and the rest 0."""

    def f(a):
        return quick_sum(dtype(2), a)

    a = np.array([1e-9, 0.3, -1.7], dtype)
    with x64_for(dtype):
        got = (jax.jit(f) if jit else f)(jnp.asarray(a))
    assert rational(got) == [2 + Fraction(float(v)) for v in a]
    assert (np.asarray(got.low) != 0).any()


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_product_and_times(dtype, jit):
    a, b, exact_a, exact_b = operands(dtype)
    far = (np.abs(a) > 1e-9) & (np.abs(b) > 1e-9)  # else what is below is flushed

    def squares(a, b):
        once = product(a, b)
        return once, times(once, once)

    with x64_for(dtype):
        once, twice = (jax.jit(squares) if jit else squares)(jnp.asarray(a), jnp.asarray(b))
    rows = zip(rational(once), rational(twice), exact_a, exact_b, far, strict=True)
    for got, square, one, other, counts in rows:
        exact = one * other
        if counts:
            assert abs(got - exact) <= LOST[dtype] * abs(exact)
            assert abs(square - exact**2) <= 8 * LOST[dtype] * exact**2


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_plus_and_over(dtype, jit):
    a, b, exact_a, exact_b = operands(dtype)
    far = (np.abs(a) > 1e-9) & (np.abs(b) > 1e-9)

    def both(a, b):
        p, q = product(a, a), product(b, b)
        return plus(p, q), over(p, q)

    with x64_for(dtype):
        some = jnp.asarray(np.where(far, a, 1)), jnp.asarray(np.where(far, b, 1))
        total, ratio = (jax.jit(both) if jit else both)(*some)
    rows = zip(rational(total), rational(ratio), exact_a, exact_b, far, strict=True)
    for added, divided, one, other, counts in rows:
        if counts:
            assert abs(added - one**2 - other**2) <= 4 * LOST[dtype] * (one**2 + other**2)
            assert abs(divided * other**2 - one**2) <= 8 * LOST[dtype] * one**2


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_upper_halves_are_exact(dtype):
    a, b = hard_logits(dtype, 400)[:200], hard_logits(dtype, 400, seed=1)[:200]
    with x64_for(dtype):
        a, b = np.asarray(upper_half(jnp.asarray(a))), np.asarray(upper_half(jnp.asarray(b)))
    if dtype == np.float32:
        assert (a.astype(np.float64) * b == (a * b).astype(np.float64)).all()
    else:
        assert (a.astype(np.longdouble) * b == (a * b).astype(np.longdouble)).all()
    assert (a != 0).any()


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32))
def test_sums_and_halves_of_any_floats(a, b):
    a, b = np.float32(a), np.float32(b)
    with np.errstate(under="ignore"):
        normal = all(v == 0 or abs(v) > 1e-30 for v in (a, b, a + b))
    if normal:
        total = Pair(*map(float, two_sum(jnp.float32(a), jnp.float32(b))))
        assert Fraction(total.high) + Fraction(total.low) == Fraction(float(a)) + Fraction(float(b))
    upper = float(upper_half(jnp.float32(a)))
    assert abs(upper) <= abs(a)
    assert float(np.float32(upper * upper)) == upper * upper or abs(upper) < 1e-15
