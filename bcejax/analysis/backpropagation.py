r"""Backpropagation through a multilayer perceptron, written by hand.

With a_0 = inputs (n, d) and layers k = 1..L of a kernel W_k and a bias b_k,

    forward     z_k = a_{k-1} W_k + b_k,   a_k = f(z_k),   logits x = z_L[:, 0]
    loss        L = mean_i l(x_i, y_i)
    backward    D_L = (p - y) / n,         D_{k-1} = (D_k W_k^T) f'(z_{k-1})
    gradient    dL/dW_k = a_{k-1}^T D_k,   dL/db_k = sum_i D_k

The Hessian times a direction (V_k, v_k) is the derivative of all that along it (Pearlmutter's
R operator), with R a_0 = 0:

    forward     R z_k = R a_{k-1} W_k + a_{k-1} V_k + v_k,   R a_k = f'(z_k) R z_k
    backward    R D_L = s(x) s(-x) / n  R z_L
                R D_{k-1} = (R D_k W_k^T + D_k V_k^T) f'(z_{k-1}) + (D_k W_k^T) f''(z_{k-1}) R z_{k-1}
    product     R dL/dW_k = (R a_{k-1})^T D_k + a_{k-1}^T R D_k,   R dL/db_k = sum_i R D_k

NumPy computes in ``dtype``, by default longdouble (64 bits on x86). The derivative of relu at
0 is 0, as in JAX. The test against mpmath's differentiation of the loss is
tests/analysis/test_backpropagation.py.

References:
    D. E. Rumelhart, G. E. Hinton and R. J. Williams, Learning representations by
    back-propagating errors (1986).
    B. A. Pearlmutter, Fast exact multiplication by the Hessian (1994).
"""  # noqa: E501

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from bcejax.analysis.logistic_regression import cross_entropy, residual, sigmoid

Layers = Sequence[tuple[ArrayLike, ArrayLike]]  # (kernel (in, out), bias (out,)), in order
Arrays = list[tuple[np.ndarray, np.ndarray]]


class Activation(NamedTuple):
    """A function of one number with its first two derivatives, elementwise.

    Example:
        >>> import numpy as np
        >>> cube = Activation(lambda z: z**3, lambda z: 3 * z**2, lambda z: 6 * z)
        >>> [float(each(np.float64(2))) for each in cube]
        [8.0, 12.0, 12.0]
    """

    value: Callable[[np.ndarray], np.ndarray]
    first: Callable[[np.ndarray], np.ndarray]
    second: Callable[[np.ndarray], np.ndarray]


def _slope_of_tanh(z: np.ndarray) -> np.ndarray:
    """1 - tanh(z)^2, which cancels as it stands."""
    return 4 * sigmoid(2 * z) * sigmoid(-2 * z)


RELU = Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype), np.zeros_like)
TANH = Activation(np.tanh, _slope_of_tanh, lambda z: -2 * np.tanh(z) * _slope_of_tanh(z))


class _Pass(NamedTuple):
    """All that the forward and backward passes leave behind, one entry per layer."""

    kernels: list[np.ndarray]
    entering: list[np.ndarray]  # a_{k-1}
    sums: list[np.ndarray]  # z_k
    blame: list[np.ndarray]  # D_k
    labels: np.ndarray


def network_loss(
    inputs: ArrayLike,
    labels: ArrayLike,
    layers: Layers,
    *,
    activation: Activation = RELU,
    dtype: DTypeLike = np.longdouble,
) -> np.ndarray:
    """The mean binary cross-entropy of a multilayer perceptron.

    Args:
        inputs: (n, d).
        labels: (n,) in [0, 1].
        layers: pairs of kernel (in, out) and bias (out,); the last has out = 1.
        activation: between the layers: RELU, TANH or your own.
        dtype: the precision to compute in.

    Returns:
        A scalar of that dtype.

    Raises:
        ValueError: labels do not fit inputs, or the last layer has more than one output.

    Example:
        >>> float(network_loss([[1.0], [2.0]], [0, 1], [([[0.0]], [0.0])]))
        0.6931471805599453
    """
    done = _passes(inputs, labels, layers, activation, dtype)
    return np.mean(cross_entropy(done.sums[-1][:, 0], done.labels))


def network_gradient(
    inputs: ArrayLike,
    labels: ArrayLike,
    layers: Layers,
    *,
    activation: Activation = RELU,
    dtype: DTypeLike = np.longdouble,
) -> Arrays:
    """The gradient of ``network_loss`` in every kernel and bias; arguments as there.

    Returns:
        Pairs shaped as ``layers``.

    Raises:
        ValueError: as ``network_loss``.

    Example:
        >>> [(kernel, bias)] = network_gradient([[1.0], [2.0]], [0, 1], [([[0.0]], [0.0])])
        >>> float(kernel[0, 0]), float(bias[0])
        (-0.25, 0.0)
    """
    done = _passes(inputs, labels, layers, activation, dtype)
    return [(a.T @ D, D.sum(0)) for a, D in zip(done.entering, done.blame, strict=True)]


def network_hessian_product(
    inputs: ArrayLike,
    labels: ArrayLike,
    layers: Layers,
    direction: Layers,
    *,
    activation: Activation = RELU,
    dtype: DTypeLike = np.longdouble,
) -> Arrays:
    """The Hessian of ``network_loss`` times a direction shaped as ``layers``.

    Other arguments as there.

    Returns:
        Pairs shaped as ``layers``.

    Raises:
        ValueError: as ``network_loss``.

    Example:
        >>> [(kernel, bias)] = network_hessian_product(
        ...     [[1.0], [2.0]], [0, 1], [([[0.0]], [0.0])], [([[1.0]], [0.0])]
        ... )
        >>> float(kernel[0, 0]), float(bias[0])
        (0.625, 0.375)
    """
    done = _passes(inputs, labels, layers, activation, dtype)
    along = _arrays(direction, dtype)
    R_entering, R_sums = _forward_along(done, along, activation)
    R_blame = _backward_along(done, along, R_sums, activation)
    return [
        (Ra.T @ D + a.T @ RD, RD.sum(0))
        for a, Ra, D, RD in zip(done.entering, R_entering, done.blame, R_blame, strict=True)
    ]


def _passes(
    inputs: ArrayLike, labels: ArrayLike, layers: Layers, f: Activation, dtype: DTypeLike
) -> _Pass:
    a, y = np.asarray(inputs).astype(dtype), np.asarray(labels).astype(dtype)
    arrays = _arrays(layers, dtype)
    if a.ndim != 2 or y.shape != a.shape[:1] or arrays[-1][0].shape[1:] != (1,):
        raise ValueError(
            f"inputs {a.shape}, labels {y.shape} and last kernel {arrays[-1][0].shape} do not"
            " fit; they must be (n, d), (n,) and (m, 1)"
        )
    entering, sums = [], []
    for kernel, bias in arrays:
        entering.append(a)
        sums.append(a @ kernel + bias)
        a = f.value(sums[-1])
    kernels = [kernel for kernel, _ in arrays]
    D = residual(sums[-1], y[:, None]) / len(y)
    blame = [D]
    for kernel, z in zip(kernels[:0:-1], sums[-2::-1], strict=True):
        D = (D @ kernel.T) * f.first(z)
        blame.append(D)
    return _Pass(kernels, entering, sums, blame[::-1], y)


def _forward_along(
    done: _Pass, along: Arrays, f: Activation
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    Ra = np.zeros_like(done.entering[0])
    R_entering, R_sums = [], []
    for a, W, z, (V, v) in zip(done.entering, done.kernels, done.sums, along, strict=True):
        R_entering.append(Ra)
        R_sums.append(Ra @ W + a @ V + v)
        Ra = f.first(z) * R_sums[-1]
    return R_entering, R_sums


def _backward_along(
    done: _Pass, along: Arrays, R_sums: list[np.ndarray], f: Activation
) -> list[np.ndarray]:
    x = done.sums[-1]
    RD = sigmoid(x) * sigmoid(-x) / len(x) * R_sums[-1]
    R_blame = [RD]
    for k in range(len(along) - 1, 0, -1):
        W, V, D = done.kernels[k], along[k][0], done.blame[k]
        z, Rz = done.sums[k - 1], R_sums[k - 1]
        RD = (RD @ W.T + D @ V.T) * f.first(z) + (D @ W.T) * f.second(z) * Rz
        R_blame.append(RD)
    return R_blame[::-1]


def _arrays(layers: Layers, dtype: DTypeLike) -> Arrays:
    return [(np.asarray(W).astype(dtype), np.asarray(b).astype(dtype)) for W, b in layers]
