r"""Logistic regression differentiated by hand: what autodiff is held against.

For inputs X (n, d) with a column of ones appended, labels y, parameters b = (coefficients,
intercept), logits x = X b and weights w with sum W,

    loss      L   = sum_i w_i l(x_i, y_i) / W
    gradient  g   = X^T (w r) / W                r_i = (1 - y_i) s(x_i) - y_i s(-x_i) = p_i - y_i
    hessian   H   = X^T diag(w h) X / W          h_i = s(x_i) s(-x_i) = p_i (1 - p_i)
    product   H v = X^T (w h (X v)) / W

NumPy computes them in ``dtype``: by default longdouble, which has 64 bits on x86 (float64
elsewhere), so that float64 results can be held against it.

Accuracy: each entry within (n + d + 20) eps of the dtype times the same sum of absolute terms,
each times 1 + sum_j |x_ij b_j|, which is how rounding the logits reaches it
(tests/analysis/test_logistic_regression.py, against mpmath).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike


class _Problem(NamedTuple):
    design: np.ndarray  # (n, d + 1), the last column 1
    labels: np.ndarray  # (n,)
    logits: np.ndarray  # (n,)
    weights: np.ndarray  # (n,), with sum 1


def logistic_loss(
    inputs: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    intercept: ArrayLike = 0.0,
    *,
    weights: ArrayLike | None = None,
    dtype: DTypeLike = np.longdouble,
) -> np.ndarray:
    """The weighted mean of the binary cross-entropy.

    Args:
        inputs: (n, d).
        labels: (n,) in [0, 1].
        coefficients: (d,).
        intercept: one number.
        weights: (n,) >= 0, or None for all 1.
        dtype: the precision to compute in.

    Returns:
        A scalar of that dtype.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> float(logistic_loss([[1.0], [2.0]], [0, 1], [0.0]))
        0.6931471805599453
    """
    _, y, x, w = _problem(inputs, labels, coefficients, intercept, weights=weights, dtype=dtype)
    return w @ cross_entropy(x, y)


def logistic_gradient(
    inputs: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    intercept: ArrayLike = 0.0,
    *,
    weights: ArrayLike | None = None,
    dtype: DTypeLike = np.longdouble,
) -> np.ndarray:
    """The gradient X^T (p - y) / n of ``logistic_loss``; arguments as there.

    Returns:
        (d + 1,): the derivatives in the coefficients, then in the intercept.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> logistic_gradient([[1.0], [2.0]], [0, 1], [0.0], dtype=np.float64)
        array([-0.25,  0.  ])
    """
    design, y, x, w = _problem(
        inputs, labels, coefficients, intercept, weights=weights, dtype=dtype
    )
    return design.T @ (w * residual(x, y))


def logistic_hessian(
    inputs: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    intercept: ArrayLike = 0.0,
    *,
    weights: ArrayLike | None = None,
    dtype: DTypeLike = np.longdouble,
) -> np.ndarray:
    """The Hessian X^T S X / n of ``logistic_loss``; arguments as there.

    Returns:
        (d + 1, d + 1), the intercept last.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> logistic_hessian([[1.0], [2.0]], [0, 1], [0.0], dtype=np.float64)
        array([[0.625, 0.375], [0.375, 0.25 ]])
    """
    design, _, x, w = _problem(
        inputs, labels, coefficients, intercept, weights=weights, dtype=dtype
    )
    return design.T @ ((w * sigmoid(x) * sigmoid(-x))[:, None] * design)


def logistic_hessian_product(
    inputs: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    intercept: ArrayLike = 0.0,
    *,
    direction: ArrayLike,
    weights: ArrayLike | None = None,
    dtype: DTypeLike = np.longdouble,
) -> np.ndarray:
    """The Hessian of ``logistic_loss`` times a direction (d + 1,), in O(n d).

    Arguments as there.

    Returns:
        (d + 1,), the intercept last.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> logistic_hessian_product(
        ...     [[1.0], [2.0]], [0, 1], [0.0], direction=[1, 0], dtype=np.float64
        ... )
        array([0.625, 0.375])
    """
    design, _, x, w = _problem(
        inputs, labels, coefficients, intercept, weights=weights, dtype=dtype
    )
    v = np.asarray(direction, dtype)
    if v.shape != design.shape[1:]:
        raise ValueError(f"direction has shape {v.shape}; it must be {design.shape[1:]}")
    return design.T @ (w * sigmoid(x) * sigmoid(-x) * (design @ v))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) in NumPy, in the dtype of x, without overflow.

    Args:
        x: real numbers of any shape.

    Returns:
        Numbers in [0, 1] of that shape and dtype.

    Example:
        >>> sigmoid(np.array([0.0, -1000.0, 1000.0]))
        array([0.5, 0. , 1. ])
    """
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The loss of each logit in NumPy, without overflow, and without cancellation for hard labels.

    Args:
        logits: real numbers of any shape.
        labels: numbers in [0, 1] of that shape.

    Returns:
        log(1 + exp(-|x|)) + |x| (1 - y) where x > 0, |x| y elsewhere.

    Example:
        >>> cross_entropy(np.array([0.0, 1000.0]), np.array([1.0, 0.0]))
        array([6.93147181e-01, 1.00000000e+03])
    """
    wrong = np.where(logits > 0, 1 - labels, labels)  # the part that the logit leans away from
    return wrong * np.abs(logits) + np.log1p(np.exp(-np.abs(logits)))


def residual(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gradient p - y of the loss in the logit, without cancellation for hard labels.

    Args:
        logits: real numbers of any shape.
        labels: numbers in [0, 1] of that shape.

    Returns:
        (1 - y) s(x) - y s(-x).

    Example:
        >>> residual(np.array([40.0]), np.array([1.0]))
        array([-4.24835426e-18])
    """
    return (1 - labels) * sigmoid(logits) - labels * sigmoid(-logits)


def _problem(
    inputs: ArrayLike,
    labels: ArrayLike,
    coefficients: ArrayLike,
    intercept: ArrayLike,
    *,
    weights: ArrayLike | None,
    dtype: DTypeLike,
) -> _Problem:
    X, y, b = (np.asarray(each).astype(dtype) for each in (inputs, labels, coefficients))
    w = np.ones_like(y) if weights is None else np.asarray(weights).astype(dtype)
    if X.ndim != 2 or y.shape != X.shape[:1] or b.shape != X.shape[1:] or w.shape != y.shape:
        raise ValueError(
            f"inputs {X.shape}, labels {y.shape}, coefficients {b.shape} and weights {w.shape}"
            " do not fit; they must be (n, d), (n,), (d,) and (n,)"
        )
    design = np.column_stack([X, np.ones_like(y)])
    logits = X @ b + np.asarray(intercept).astype(dtype)
    return _Problem(design, y, logits, w / np.sum(w))
