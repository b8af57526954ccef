"""Units in the last place against rational arithmetic and hand-made cases."""

import math
from fractions import Fraction

import jax.numpy as jnp
import ml_dtypes
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.analysis import as_extended, exact_values, spacing, ulp_error, worst

# bits of the significand and the exponent of the smallest normal number
FORMATS = {
    np.dtype(np.float16): (11, -14),
    np.dtype(ml_dtypes.bfloat16): (8, -126),
    np.dtype(np.float32): (24, -126),
    np.dtype(np.float64): (53, -1022),
}
dtypes = pytest.mark.parametrize("dtype", FORMATS, ids=str)


def by_fractions(got, exact, dtype):
    bits, smallest = FORMATS[dtype]
    binade = smallest
    size = abs(exact)
    while size >= Fraction(2) ** (binade + 1):
        binade += 1
    unit = Fraction(2) ** (binade - bits + 1)
    return abs(Fraction(got) - exact) / unit


@dtypes
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_agrees_with_fractions(dtype, data):
    size = data.draw(st.floats(-9.0, 9.0))
    exact = np.float64(size * 2.0 ** data.draw(st.integers(-13, 10)))
    got = np.asarray(exact * (1 + data.draw(st.floats(-1e-3, 1e-3)))).astype(dtype)
    want = by_fractions(float(got), Fraction(float(exact)), dtype)
    assert abs(ulp_error(got, exact) - float(want)) <= 1e-6 * float(want) + 1e-12


def test_more_bits_than_float64():
    """1/3 is not a float64: its rounding errors are 1/3 of a unit."""
    with mpmath.workprec(200):
        third = mpmath.mpf(1) / 3
    for dtype in FORMATS:
        got = np.asarray(1 / 3).astype(dtype)
        error = Fraction(float(got)) - Fraction(1, 3)
        unit = Fraction(2) ** (-1 - FORMATS[dtype][0])
        assert ulp_error(got, np.array(third, object)) == float(abs(error / unit))


@dtypes
def test_neighbours_are_one_unit_apart(dtype):
    ones = np.array([1.0, 1.5, -1.5, 2.0**-10]).astype(dtype)
    up = np.nextafter(ones, np.array(np.inf, dtype))
    np.testing.assert_array_equal(ulp_error(up, ones.astype(np.float64)), [1, 1, 1, 1])
    np.testing.assert_array_equal(ulp_error(ones, ones.astype(np.float64)), np.zeros(4))


@dtypes
def test_right_rounding_stays_within_half(dtype):
    exact = exact_values("value", np.linspace(-9, 9, 200), 0.25)
    errors = ulp_error(exact.float64().astype(dtype), exact)
    assert 0.4 < errors.max() <= 0.5


def test_units_change_at_powers_of_two():
    below, above = 1 - 2**-40, 1 + 2**-40
    got = np.float32([1, 1])
    np.testing.assert_array_equal(ulp_error(got, np.array([below, above])), [2**-16, 2**-17])
    # the exact value just below 1 has a high part that was rounded up to 1
    with mpmath.workprec(200):
        near = mpmath.mpf(1) - mpmath.mpf(2) ** -80
    assert ulp_error(np.float64(1), np.array(near, object)) == 2.0**-27


@dtypes
def test_below_the_smallest_normal_the_unit_stays(dtype):
    bits, smallest = FORMATS[dtype]
    normal = Fraction(2) ** smallest
    exact = float(normal / 4) if smallest > -1000 else 2.0**-1024
    assert ulp_error(np.zeros((), dtype), exact) == 2.0 ** (bits - 3)
    assert ulp_error(np.zeros((), dtype), 0.0) == 0
    assert float(spacing(0.0, dtype)) == 2.0 ** (smallest - bits + 1)


def test_exact_values_beyond_the_range():
    tiny = exact_values("hessian", np.array([800.0, 1e300]), 0)  # 1e-348 and nearly nothing
    np.testing.assert_array_equal(ulp_error(np.zeros(2), tiny) < 1e-20, [True, True])
    huge = exact_values("hessian", np.array([1e-200]), 1, domain="probs")  # 1e400
    np.testing.assert_array_equal(ulp_error(np.array([np.inf]), huge), [0])
    assert ulp_error(np.array([1e308]), huge) > 1e15


INF, NAN = math.inf, math.nan


@dtypes
@pytest.mark.parametrize(
    ("got", "exact", "want"),
    [(INF, INF, 0), (-INF, -INF, 0), (INF, -INF, INF), (NAN, NAN, 0), (NAN, 1, INF),
     (1, NAN, INF), (INF, 1, INF), (1, INF, INF), (INF, NAN, INF), (NAN, INF, INF),
     (0.0, -0.0, 0)],
)  # fmt: skip
def test_special_values(dtype, got, exact, want):
    assert ulp_error(np.array(got).astype(dtype), np.float64(exact)) == want


@dtypes
def test_overflow_is_right_from_half_a_unit_beyond_the_largest(dtype):
    if dtype == np.float64:
        return
    info = jnp.finfo(dtype)
    half = float(spacing(float(info.max), dtype)) / 2
    edge = float(info.max) + half
    got = np.array(np.inf).astype(dtype)
    assert ulp_error(got, edge) == 0
    assert ulp_error(got, np.nextafter(edge, 0)) == np.inf
    assert ulp_error(-got, edge) == np.inf


def test_jax_arrays_and_wider_units():
    got = jnp.array([1.0, 2.0], jnp.bfloat16)
    np.testing.assert_array_equal(ulp_error(got, np.array([1 + 2**-8, 2.0])), [0.5, 0])
    np.testing.assert_array_equal(
        ulp_error(got, np.array([1 + 2**-8, 2.0]), np.float32), [2**15, 0]
    )


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="longdouble is float64 here")
def test_longdouble_references_keep_their_bits():
    exact = np.longdouble(1) + np.longdouble(2) ** -60
    assert ulp_error(np.float64(1), exact) == 2.0**-8
    assert float(as_extended(exact).low) == 2.0**-61


def test_worst_names_the_input():
    exact = np.array([[1.0, 2.0], [4.0, 8.0]])
    got = exact.astype(np.float32)
    got[1, 0] = np.nextafter(got[1, 0], np.float32(9))
    found = worst(got, exact, np.array([[10], [20]]), 0.5)
    assert found.error == 1
    assert found.at == (20, 0.5)
    assert found.position == (1, 0)
    assert found.exact == 4
    assert found.got > 4


def test_a_nan_result_is_the_worst():
    assert worst(np.float32([1, np.nan, 1]), np.array([1.0, 1.0, 2.0])).position == (1,)


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match="got has dtype int64; ulp_error takes floating results"):
        ulp_error(np.array([1]), np.array([1.0]))
    with pytest.raises(ValueError, match=r"got has shape \(2,\) and exact \(3,\)"):
        ulp_error(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"got has shape \(0,\); worst needs one number or more"):
        worst(np.zeros(0), np.zeros(0))
