"""Weights by effective numbers, against sums of powers."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bcejax import bce_with_logits, class_balanced_weights, reduce_losses
from bcejax.analysis import ulp_error


def labels(zeros, ones):
    return np.repeat(np.float32([0, 1]), [zeros, ones])


def exact(zeros, ones, beta):
    """The two weights, from the geometric sums, with exact fractions."""
    beta = Fraction(beta)
    sums = [sum(beta**i for i in range(n)) for n in (zeros, ones)]
    scale = (zeros + ones) / (zeros / sums[0] + ones / sums[1])
    return [float(scale / each) for each in sums]


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 1 - 2.0**-20, 1.0])
@pytest.mark.parametrize(("zeros", "ones"), [(1, 1), (30, 2), (5, 60)])
def test_against_the_geometric_sums(zeros, ones, beta):
    y = labels(zeros, ones)
    got = class_balanced_weights(y, beta=beta)
    want = np.repeat(exact(zeros, ones, beta), [zeros, ones])
    assert ulp_error(got, want).max() <= 12
    assert abs(np.mean(got) - 1) < 1e-6


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.999999, 1 - 1e-9, 1.0])
def test_large_counts(beta):
    zeros, ones = 990_000.0, 10_000.0
    got = class_balanced_weights(np.float32([0, 1]), beta=beta, counts=(zeros, ones))
    log_beta = np.log(np.longdouble(beta))
    sums = [n if beta == 1 else -np.expm1(n * log_beta) for n in (zeros, ones)]
    scale = (zeros + ones) / (zeros / sums[0] + ones / sums[1])
    assert ulp_error(got, np.array([scale / each for each in sums], np.longdouble)).max() <= 12


def test_the_limits():
    y = labels(6, 2)
    np.testing.assert_array_equal(class_balanced_weights(y, beta=0.0), 1)
    inverse = class_balanced_weights(y, beta=1.0)
    np.testing.assert_allclose(inverse, np.repeat([8 / 12, 8 / 4], [6, 2]), rtol=1e-6)
    near = class_balanced_weights(y, beta=1 - 1e-12)
    np.testing.assert_allclose(near, inverse, rtol=1e-6)


def test_one_label_absent():
    for y in (np.zeros(4), np.ones(4)):
        np.testing.assert_array_equal(class_balanced_weights(y), 1)
        np.testing.assert_array_equal(class_balanced_weights(1 - y, counts=(4 - sum(y), sum(y))), 0)


def test_nothing_is_counted():
    assert class_balanced_weights(np.zeros(0)).shape == (0,)
    got = class_balanced_weights(np.zeros(3), where=False)
    np.testing.assert_array_equal(got, 0)


def test_masked_labels_do_not_count():
    y, keep = np.float32([0, 0, 1, np.nan, 7]), np.array([True, True, True, False, False])
    got = jax.jit(class_balanced_weights)(y, where=keep)
    np.testing.assert_array_equal(got[:3], class_balanced_weights(y[:3]))
    np.testing.assert_array_equal(got[3:], 0)


def test_counts_do_not_widen_and_beta_is_as_said():
    y, counts = np.float32([0, 1]), np.float64([20_000, 700])
    with jax.enable_x64(True):
        got = class_balanced_weights(y, counts=counts)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, class_balanced_weights(y, beta=0.999, counts=counts))


def test_kinds_of_labels():
    want = class_balanced_weights(np.float32([0, 1, 1]))
    for y in ([0, 1, 1], [False, True, True], np.uint8([0, 1, 1])):
        got = class_balanced_weights(np.asarray(y))
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, want)
    soft = class_balanced_weights(np.float32([0.5, 0.5, 1]), beta=1.0)
    np.testing.assert_allclose(soft, [(3 / 4 + 3 / 2) / 2, (3 / 4 + 3 / 2) / 2, 3 / 4], rtol=1e-6)


def test_labels_out_of_range_give_nan():
    assert np.isnan(class_balanced_weights(np.float32([0, 1, 2]))).all()


@pytest.mark.parametrize("beta", [-5e-324, math.nextafter(1, 2), np.nan])
def test_beta_out_of_range(beta):
    with pytest.raises(ValueError, match=r"beta lies in \[0, 1\], got"):
        class_balanced_weights([0, 1], beta=beta)


def test_with_the_loss():
    """With beta 1 the weighted mean is the mean over labels of the mean over their examples."""
    x, y = np.float32([-1, 0.5, 2, 1]), labels(3, 1)
    losses = bce_with_logits(x, y)
    got = reduce_losses(losses, weights=class_balanced_weights(y, beta=1.0))
    assert abs(got - (losses[:3].mean() + losses[3]) / 2) < 1e-6
    assert class_balanced_weights(jnp.zeros((2, 3))).shape == (2, 3)
