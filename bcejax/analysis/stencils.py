"""The derivative of an elementwise function from its values nearby, and by a complex step.

A stencil is a set of multiples k of a step h.  The derivative of the polynomial through the points
(x + k h, f(x + k h)) is off by two things, where f is computed to a relative error u:

    forward      k = 0, 1             h |f''| / 2         + u |f| / h    best h near u^(1/2)
    central      k = -1, 1            h^2 |f'''| / 6      + u |f| / h    best h near u^(1/3)
    five-point   k = -2, -1, 1, 2     h^4 |f^(5)| / 30    + u |f| / h    best h near u^(1/5)
    complex      Im f(x + i h) / h    h^2 |f'''| / 6      + u |f'|       any h below u^(1/2)

so differences keep 1/2, 2/3 and 4/5 of the digits of f, and the complex step keeps all of them,
since it subtracts nothing; but it asks for an analytic f: |x|, max and comparisons are not.

Sources: B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids (1988);
W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions (1998).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

FORWARD = (0, 1)
CENTRAL = (-1, 1)
FIVE_POINT = (-2, -1, 1, 2)

COMPLEX = {"float32": np.complex64, "float64": np.complex128}


def elementwise_difference(
    f: Callable[..., Any], x: ArrayLike, step: float, *, stencil: Sequence[int] = CENTRAL
) -> np.ndarray:
    """The derivative of an elementwise function at each x from its values at a few points nearby.

    The weights belong to the points as they are in the dtype of x, so that rounding them costs
    nothing but order: no h is added and taken away again.

    Args:
        f: maps a float array (m, n) to one of that shape, entry by entry, in NumPy or JAX.
        x: points (n,) in the dtype that f shall work in.
        step: h > 0, the same for all points.
        stencil: multiples of the step, all different: FORWARD, CENTRAL, FIVE_POINT, or others.

    Returns:
        float64 derivatives (n,); only the values of f are in the dtype of x.

    Raises:
        ValueError: the step is not positive, or too small to tell two points of the stencil apart.

    Accuracy:
        Exact, but for float64's rounding, for polynomials of a degree below the number of points;
        else as the table above says (tests/analysis/test_stencils.py).

    Example:
        >>> elementwise_difference(lambda x: x**3, np.float32([1, 2]), 2**-5, stencil=FIVE_POINT)
        array([ 3., 12.])
    """
    x = np.asarray(jnp.asarray(x))  # without x64, float32
    if not step > 0:
        raise ValueError(f"step {step} is not positive")
    wide = x.astype(np.float64)
    nodes = np.stack([(wide + k * step).astype(x.dtype) for k in stencil])
    offsets = nodes.astype(np.float64) - wide
    span = np.ptp(offsets, axis=0)
    if not np.all(np.diff(np.sort(offsets, axis=0), axis=0) > 0):
        raise ValueError(f"step {step} does not part the points of the stencil in {x.dtype}")
    values = np.asarray(f(nodes)).astype(np.float64)
    return np.einsum("mn,nm->n", values, _weights(offsets / span)) / span


def complex_step(f: Callable[..., Any], x: ArrayLike, step: float) -> np.ndarray:
    """The derivative of an analytic elementwise function at each x: Im f(x + i h) / h.

    Args:
        f: maps a complex array (n,) to one of that shape, in NumPy or JAX; real for real
            arguments.  What is not analytic (|x|, max, a comparison of the imaginary part) gives a
            wrong derivative in silence.
        x: real points (n,), float32 or float64.
        step: h, below the square root of eps, where it makes no difference, and a normal number
            in the dtype of x (float32 without x64), for JAX takes what is smaller for 0.

    Returns:
        float64 derivatives (n,).

    Raises:
        TypeError: x is neither float32 nor float64.
        ValueError: the step is not positive, or too small for the dtype of x.

    Accuracy:
        A few eps for steps from 1e-30 to 1e-10 in float64 (tests/analysis/test_stencils.py).

    Example:
        >>> complex_step(np.exp, np.array([0.0]), 2.0**-60)
        array([1.])
    """
    x = np.asarray(jnp.asarray(x))
    if str(x.dtype) not in COMPLEX:
        raise TypeError(f"x has dtype {x.dtype}; a complex step takes {' or '.join(COMPLEX)}")
    if not step > 0:
        raise ValueError(f"step {step} is not positive")
    if step < np.finfo(x.dtype).tiny:
        raise ValueError(f"step {step} is too small for {x.dtype}, which takes it for 0")
    moved: np.ndarray = (x + 1j * step).astype(COMPLEX[str(x.dtype)])
    return np.imag(np.asarray(f(moved))).astype(np.float64) / step


def _weights(offsets: np.ndarray) -> np.ndarray:
    """Of the values at m offsets from each of n points in its derivative there, (n, m)."""
    powers = np.stack([offsets.T**k for k in range(len(offsets))], axis=1)
    first = np.eye(len(offsets))[1]  # t^k has derivative 1 at 0 for k = 1, and else 0
    return np.linalg.solve(powers, np.broadcast_to(first, powers.shape[:2])[..., None])[..., 0]
