"""The cross-entropy that other losses multiply, in one part and in two."""

import jax
import numpy as np
import pytest
from losses.ways import each
from reference import hard_logits, x64_for

from bcejax import bce_gradient
from bcejax.analysis import exact_values, settle, worst
from bcejax.losses.faithful import cross_entropy, split_cross_entropy

DTYPES = [np.float32, np.float64]
INF, MOST = np.inf, np.finfo(np.float32).max


@pytest.mark.parametrize("label", [0, 1, 0.3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_within_1_2_ulp(dtype, label):
    x = hard_logits(dtype, 800)
    y = np.full_like(x, label)
    with x64_for(dtype):
        got = np.asarray(jax.jit(cross_entropy)(x, y))
    assert worst(got, exact_values("value", x, y), x).error <= 1.2


def test_its_derivatives_are_those_of_the_fast_one():
    x, y = np.float32([-3, 0, 0.5, 20]), np.float32([0, 0.3, 1, 0])
    in_logits, in_labels = each(jax.grad(cross_entropy, (0, 1)))(x, y)
    np.testing.assert_array_equal(in_logits, jax.jit(bce_gradient)(x, y))
    np.testing.assert_array_equal(in_labels, -x)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.0**-25), (np.float64, 2.0**-54)])
def test_two_parts_have_more_digits_than_their_dtype(dtype, bound, label):
    x = hard_logits(dtype, 400)
    x = x[np.abs(x) < 40]  # farther out the second part may be flushed
    with x64_for(dtype):
        pair = jax.jit(split_cross_entropy)(x, np.full_like(x, label))

    def lost(x, high, low):
        gap = x if label == 0 else -x
        parts = settle(lambda mp: [mp.log1p(mp.exp(gap)), -mp.mpf(high), -mp.mpf(low)])
        return abs(float(parts)) / high

    assert max(map(lost, *(np.asarray(each, np.float64).tolist() for each in (x, *pair)))) <= bound


def test_infinite_logits():
    x, y = np.float32([INF, -INF, INF, -INF]), np.float32([1, 0, 0, 1])
    np.testing.assert_array_equal(cross_entropy(x, y), [0, 0, INF, INF])
    high, low = split_cross_entropy(x, y)
    np.testing.assert_array_equal(high, np.float32([0, 0, MOST, MOST]))
    np.testing.assert_array_equal(low, 0)
