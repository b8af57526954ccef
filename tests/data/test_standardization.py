"""Oracle: mean and variance in rational arithmetic."""

from fractions import Fraction
from math import isqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.data import (
    Batch,
    Standardizer,
    fit_standardizer,
    load_spambase,
    split,
    split_three_ways,
    standardize,
)

EPS = 2.0**-52
VALUES = st.floats(-4e307, 4e307, allow_subnormal=False)
NEAR = st.integers(-1000, 1000).map(lambda k: 1e9 + k / 64)
SMALL = st.floats(-1e-300, 1e-300, allow_subnormal=False)


def exact_moments(column):
    """Mean, and a rational within 2^-200 relative of the standard deviation."""
    exact = [Fraction(float(value)) for value in column]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    shift = 4**1300
    return mean, Fraction(isqrt(int(variance * shift)), 2**1300) if variance else Fraction(0)


@settings(deadline=None)
@given(st.one_of(*(st.lists(kind, min_size=1, max_size=20) for kind in (VALUES, NEAR, SMALL))))
def test_moments_against_rational_arithmetic(column):
    n, largest = len(column), max(map(abs, column))
    mean, deviation = exact_moments(column)
    fitted = fit_standardizer(np.array(column)[:, None])
    got_mean, got_scale = Fraction(float(fitted.mean[0])), Fraction(float(fitted.scale[0]))
    assert abs(got_mean - mean) <= 4 * n * EPS * Fraction(largest)
    if len(set(column)) == 1:
        assert fitted.scale[0] == 1
        assert fitted.mean[0] == column[0]
    elif got_scale != 1 or deviation > np.finfo(float).tiny:
        assert abs(got_scale - deviation) <= 8 * n * EPS * deviation


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300])
def test_weights_are_copies(scale):
    rng = np.random.default_rng(0)
    inputs, copies = (1e3 + rng.normal(size=(50, 2))) * scale, rng.integers(0, 4, 50)
    once = fit_standardizer(inputs, copies)
    many = fit_standardizer(np.repeat(inputs, copies, axis=0))
    np.testing.assert_allclose(once.mean, many.mean, rtol=4 * 100 * EPS)
    np.testing.assert_allclose(once.scale, many.scale, rtol=8 * 100 * EPS)
    alike = fit_standardizer(inputs, np.full(50, 1e308))
    jax.tree.map(np.testing.assert_array_equal, alike, fit_standardizer(inputs))


@pytest.mark.parametrize("place", [0, 20])
def test_a_row_of_weight_0_changes_no_bit(place):
    inputs, weights = np.random.default_rng(0).normal(size=(20, 2)), np.linspace(0.5, 2, 20)
    want = fit_standardizer(inputs, weights)
    got = fit_standardizer(np.insert(inputs, place, 1e300, axis=0), np.insert(weights, place, 0))
    jax.tree.map(np.testing.assert_array_equal, got, want)


@pytest.mark.parametrize("weights", [[1], [1, -1], [1, np.inf], [np.nan, 1], [0, 0]])
def test_bad_weights_at_the_fit(weights):
    with pytest.raises(ValueError, match=r"weights must be \(2,\), finite and >= 0 and not all 0"):
        fit_standardizer(np.ones((2, 3)), np.array(weights))


@pytest.mark.parametrize("value", [0.1, -0.0, 1e300, 1e-300, 5e-324, 1 / 3])
@pytest.mark.parametrize("n", [1, 3, 10, 1000])
def test_a_constant_column_becomes_zero(value, n):
    inputs = np.full((n, 1), value)
    standardizer = fit_standardizer(inputs)
    assert standardizer.scale[0] == 1
    assert not standardizer(inputs).any()


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float64, s) for s in (1e-300, 1.0, 1e300)] + [(np.float32, s) for s in (1e-35, 1.0, 1e37)],
)
def test_any_scale_comes_out_at_one(dtype, scale):
    with np.errstate(all="raise"):
        inputs = (np.linspace(1, 2, 101)[:, None] * scale).astype(dtype)
        out = fit_standardizer(inputs)(inputs)
    assert out.dtype == dtype
    bound = 101 * 8 * np.finfo(dtype).eps
    assert abs(out.astype(float).mean()) < bound
    assert abs(out.astype(float).std() - 1) < bound


def test_the_largest_magnitudes():
    for dtype in (np.float32, jnp.zeros(0).dtype.type):
        largest = np.finfo(dtype).max / 4
        inputs = np.array([[-largest], [largest]], dtype)
        standardizer = fit_standardizer(inputs)
        assert standardizer(inputs).tolist() == [[-1], [1]]
        assert standardizer(jnp.asarray(inputs)).tolist() == [[-1], [1]]


def test_float32_on_the_device_at_its_extremes():
    inputs = np.array([[8e37, 1e-37, 7.0, 1e-41], [-8e37, -1e-37, 7.0, -1e-41]], np.float32)
    standardizer = fit_standardizer(inputs)
    out = standardizer(jnp.asarray(inputs))
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out[:, :3], [[1, 1, 0], [-1, -1, 0]])
    assert bool(jnp.isfinite(out).all())


def test_host_is_rounded_once_where_the_device_rounds_the_mean():
    rng = np.random.default_rng(0)
    inputs = (1e6 + rng.normal(size=(1000, 1))).astype(np.float32)
    standardizer = fit_standardizer(inputs)
    exact = (inputs.astype(float) - standardizer.mean) / standardizer.scale
    np.testing.assert_array_equal(standardizer(inputs), exact.astype(np.float32))
    shift = np.spacing(np.float32(1e6)) / 2 / standardizer.scale[0]
    device = np.asarray(standardizer(jnp.asarray(inputs)), float)
    assert 0 < np.abs(device - exact).max() <= shift + 4 * np.finfo(np.float32).eps * 4


def test_it_is_a_pytree_and_a_function_under_jit():
    inputs = np.arange(12.0).reshape(4, 3)
    standardizer = fit_standardizer(inputs)
    want = standardizer(jnp.asarray(inputs))
    closed = jax.jit(standardizer)(jnp.asarray(inputs))
    passed = jax.jit(lambda s, x: s(x))(standardizer, jnp.asarray(inputs))
    for got in (closed, passed):
        np.testing.assert_allclose(got, want, rtol=4 * float(jnp.finfo(want.dtype).eps))
    assert isinstance(jax.tree.map(jnp.asarray, standardizer), Standardizer)


@pytest.mark.parametrize(
    ("given_dtype", "host", "device"),
    [
        (np.int64, np.float64, None),
        (np.uint8, np.float32, jnp.float32),
        (np.bool_, np.float32, jnp.float32),
        (np.float16, np.float32, jnp.float32),
        (jnp.bfloat16, np.float32, jnp.float32),
    ],
)
def test_dtypes(given_dtype, host, device):
    inputs = np.array([[0, 1], [1, 0], [1, 1]]).astype(given_dtype)
    standardizer = fit_standardizer(inputs)
    assert standardizer.mean.dtype == standardizer.scale.dtype == np.float64
    assert standardizer(inputs).dtype == host
    if device:
        assert standardizer(jnp.asarray(inputs)).dtype == device


def test_more_leading_axes():
    standardizer = fit_standardizer(np.array([[0.0, 0.0], [2.0, 4.0]]))
    assert standardizer(np.ones((5, 4, 2))).shape == (5, 4, 2)
    assert standardizer(np.array([1.0, 2.0])).tolist() == [0, 0]


def test_only_the_training_part_decides():
    batch = load_spambase().batch
    parts = split_three_ways(batch, seed=1)
    moved, standardizer = standardize(parts)
    assert np.array_equal(standardizer.mean, fit_standardizer(parts.train.inputs).mean)
    weighted = parts.train._replace(weights=np.arange(len(parts.train.labels)))
    want = fit_standardizer(weighted.inputs, weighted.weights)
    _, got = standardize(parts._replace(train=weighted))
    jax.tree.map(np.testing.assert_array_equal, got, want)
    ruined = parts._replace(validation=parts.validation._replace(inputs=np.full((1, 57), 1e9)))
    again, same = standardize(ruined)
    jax.tree.map(np.testing.assert_array_equal, same, standardizer)
    np.testing.assert_array_equal(again.train.inputs, moved.train.inputs)
    np.testing.assert_allclose(moved.train.inputs.mean(axis=0), 0, atol=len(batch.labels) * 4 * EPS)
    np.testing.assert_allclose(moved.train.inputs.std(axis=0), 1, rtol=len(batch.labels) * 8 * EPS)
    assert np.abs(moved.test.inputs.mean(axis=0)).max() > 0.01
    assert np.array_equal(moved.test.labels, parts.test.labels)
    assert type(moved) is type(parts)


def test_two_way_splits_too():
    moved, _ = standardize(split(Batch(np.arange(10.0)[:, None], np.arange(10) % 2)))
    assert moved.validation.inputs.shape == (2, 1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros(3), r"inputs must be \(n, d\) with n >= 1, got \(3,\)"),
        (np.zeros((0, 3)), r"inputs must be \(n, d\) with n >= 1, got \(0, 3\)"),
        (np.array([[1, 2], [3, np.nan]]), r"finite .* got nan in row 1, column 1"),
        (np.array([[1, -np.inf]]), r"finite .* got -inf in row 0, column 1"),
        (np.array([[3e38]], np.float32), r"at most 8.5e\+37 in magnitude, got 3"),
        (np.array([[1e308]]), r"at most 4.5e\+307 in magnitude"),
    ],
)
def test_bad_inputs_at_the_fit(inputs, message):
    with pytest.raises(ValueError, match=message):
        fit_standardizer(inputs)


@pytest.mark.parametrize("as_array", [np.asarray, jnp.asarray])
def test_bad_inputs_at_the_call(as_array):
    standardizer = fit_standardizer(np.ones((2, 3)))
    with pytest.raises(
        ValueError, match=r"inputs must be \(\.\.\., 3\) as at the fit, got \(2, 4\)"
    ):
        standardizer(as_array(np.ones((2, 4))))
