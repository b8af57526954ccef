"""Backpropagation by hand against the loss, differentiated by mpmath at 150 digits."""

import itertools

import mpmath
import numpy as np
import pytest

from bcejax.analysis import (
    RELU,
    TANH,
    logistic_gradient,
    network_gradient,
    network_hessian_product,
    network_loss,
)

SIZES = (2, 3, 2, 1)
ACTIVATIONS = {
    "relu": (RELU, lambda z: max(z, mpmath.mpf(0))),
    "tanh": (TANH, mpmath.tanh),
}
activations = pytest.mark.parametrize("name", ACTIVATIONS)


def data(seed=0, n=5):
    rng = np.random.default_rng(seed)
    layers = [
        (rng.normal(size=pair), rng.normal(size=pair[1])) for pair in itertools.pairwise(SIZES)
    ]
    return rng.normal(size=(n, SIZES[0])), np.array([0, 1, 1, 0.25, 0]), layers


def flat(layers):
    return np.concatenate([np.concatenate([W.ravel(), b]) for W, b in layers])


def loss_in_mpmath(X, y, parameters, f):
    """The loss from a flat list of mpf, written with loops."""
    given = iter(parameters)
    layers = [
        ([[next(given) for _ in range(fan_out)] for _ in range(fan_in)],
         [next(given) for _ in range(fan_out)])
        for fan_in, fan_out in itertools.pairwise(SIZES)
    ]  # fmt: skip
    total = mpmath.mpf(0)
    for row, target in zip(X, y, strict=True):
        a = [mpmath.mpf(float(v)) for v in row]
        for depth, (W, b) in enumerate(layers):
            z = [mpmath.fdot(a, [line[j] for line in W]) + b[j] for j in range(len(b))]
            a = [f(v) for v in z] if depth + 1 < len(layers) else z
        label = mpmath.mpf(float(target))
        total += label * mpmath.log1p(mpmath.exp(-a[0]))
        total += (1 - label) * mpmath.log1p(mpmath.exp(a[0]))
    return total / len(y)


def moved(layers, *moves):
    """Parameters plus t times a direction for each (t, direction)."""
    start = [mpmath.mpf(float(v)) for v in flat(layers)]
    for t, direction in moves:
        start = [s + t * mpmath.mpf(float(v)) for s, v in zip(start, direction, strict=True)]
    return start


@activations
def test_loss_gradient_and_product(name):
    activation, in_mpmath = ACTIVATIONS[name]
    X, y, layers = data()
    units = np.eye(flat(layers).size)
    v = np.random.default_rng(1).normal(size=units.shape[0])
    with mpmath.workdps(150):
        loss = loss_in_mpmath(X, y, moved(layers), in_mpmath)
        gradient = [
            mpmath.diff(lambda t, e=e: loss_in_mpmath(X, y, moved(layers, (t, e)), in_mpmath), 0)
            for e in units
        ]
        product = [
            mpmath.diff(
                lambda s, t, e=e: loss_in_mpmath(X, y, moved(layers, (s, e), (t, v)), in_mpmath),
                (0, 0), (1, 1),
            )
            for e in units
        ]  # fmt: skip
    direction = shaped_as(layers, v)
    got = [
        network_loss(X, y, layers, activation=activation, dtype=np.float64),
        flat(network_gradient(X, y, layers, activation=activation, dtype=np.float64)),
        flat(network_hessian_product(X, y, layers, direction, activation=activation,
                                     dtype=np.float64)),
    ]  # fmt: skip
    for one, exact in zip(got, (loss, gradient, product), strict=True):
        want = np.array(exact).astype(np.float64)
        assert np.abs(one - want).max() <= 100 * np.finfo(np.float64).eps * np.abs(want).max()


def shaped_as(layers, vector):
    shaped, start = [], 0
    for W, b in layers:
        middle, end = start + W.size, start + W.size + b.size
        shaped.append((vector[start:middle].reshape(W.shape), vector[middle:end]))
        start = end
    return shaped


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="longdouble is float64 here")
@activations
def test_longdouble_is_longer(name):
    """The default reference is about 2048 times finer than float64."""
    activation, _ = ACTIVATIONS[name]
    X, y, layers = data()
    fine = flat(network_gradient(X, y, layers, activation=activation))
    coarse = flat(network_gradient(X, y, layers, activation=activation, dtype=np.float64))
    assert fine.dtype == np.longdouble
    assert 0 < np.abs(fine - coarse).max() < 1e-15


def test_one_layer_is_logistic_regression():
    X, y, _ = data()
    W, b = np.array([[0.5], [-2.0]]), np.array([0.25])
    [got] = network_gradient(X, y, [(W, b)])
    want = logistic_gradient(X, y, W[:, 0], b[0])
    np.testing.assert_allclose(np.append(*got), want, rtol=1e-17, atol=1e-19)


def test_relu_has_slope_0_at_0():
    [(inner, _), _] = network_gradient([[0.0]], [1.0], [([[1.0]], [0.0]), ([[1.0]], [0.0])])
    assert inner == 0


def test_tanh_does_not_overflow():
    z = np.array([-2000.0, 2000.0])
    np.testing.assert_array_equal(TANH.first(z), [0, 0])
    np.testing.assert_array_equal(TANH.second(z), [0, 0])


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"last kernel \(2, 2\) do not fit; .* and \(m, 1\)"):
        network_loss(np.zeros((3, 2)), np.zeros(3), [(np.eye(2), np.zeros(2))])
