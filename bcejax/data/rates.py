"""How an intercept sets the share of positives of a logistic regression.

For standard normal inputs x, a.x is |a| Z with Z normal, so the share of positives

    E sigmoid(a.x + b) = integral of sigmoid(|a| z + b) exp(-z^2 / 2) / sqrt(2 pi) dz

is one integral of a function analytic in a strip, for which the trapezoid rule converges
geometrically; it rises with b, and bisection inverts it.

Source: L. N. Trefethen, J. A. C. Weideman, The exponentially convergent trapezoidal rule, SIAM
Review 56 (2014).
"""

from collections.abc import Sequence

import numpy as np

from bcejax.data.records import Array
from bcejax.data.sampling import vector


def intercept_for_rate(coefficients: Sequence[float] | Array, rate: float) -> float:
    """The b for which E sigmoid(a.x + b) = rate, where x is standard normal.

    Computed in float64 on the host.

    Args:
        coefficients: a (d,), with |a| <= 50.
        rate: in (0, 1).

    Returns:
        b, for which E p differs from the rate by at most 1e-14 of it for rates from 1e-9 to 1/2
        (tests/data/test_synthetic.py, against mpmath's quadrature).

    Raises:
        ValueError: the rate lies outside (0, 1); the coefficients are not (d,) finite numbers
            or are longer than 50.

    Example:
        >>> round(intercept_for_rate((0.0,), 0.01), 6)  # log(0.01 / 0.99)
        -4.59512
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie in (0, 1), got {rate}")
    length = float(np.linalg.norm(vector("coefficients", coefficients)))
    if length > 50:
        raise ValueError(f"coefficients must have length at most 50, got {length:g}")
    z = np.linspace(-12, 12, 12_001)
    density = np.exp(-z * z / 2)
    density /= density.sum()
    # the mean lies between sigmoid(b - 12 |a|) and sigmoid(b + 12 |a|)
    low, high = (np.log(rate / (1 - rate)) + side * 12 * (length + 1) for side in (-1, 1))
    while (b := (low + high) / 2) not in (low, high):
        mean = density @ np.exp(-np.logaddexp(0, -(length * z + b)))
        low, high = (b, high) if mean < rate else (low, b)
    return float(b)
