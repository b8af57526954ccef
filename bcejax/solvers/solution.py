"""What a fit of a logistic regression gives."""

from typing import NamedTuple

import jax
import numpy as np


class Solution(NamedTuple):
    """Where a fit ended, and how far that can be from the optimum; a pytree.

    F is the objective of ``fit_logistic``. Arrays are NumPy's float64 where NumPy came, else JAX's
    in the dtype of the inputs. Fits in a batch have leading axes.

    Attributes:
        coefficients: b (d,), one for each column.
        intercept: c, 0 where none is fitted.
        value: F(b, c).
        gradient_norm: the largest |derivative of F| in a coefficient or the intercept, over the
            root mean square of its column (1 for the intercept), so that units do not matter; with
            l1 the largest distance of a derivative of the smooth part from what the optimum takes.
        duality_gap: F is at most so far above its minimum, to rounding; inf without a penalty.
        direction: (d + 1,), the intercept's entry last. SEPARATED: along it F falls for ever, for
            every example of label 1 has x_i·u + u_0 >= 0 and every one of label 0 <= 0; SINGULAR:
            along it F does not change; else 0.
        steps: int32, passes over the data.
        status: int32, named by ``SolverStatus``.

    Example:
        >>> from bcejax.solvers import SolverStatus, fit_logistic
        >>> fit = fit_logistic([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        >>> SolverStatus(int(fit.status)).name
        'SEPARATED'
        >>> np.sign([[0, 1], [1, 1], [2, 1], [3, 1]] @ fit.direction)
        array([-1., -1.,  1.,  1.])
    """

    coefficients: jax.Array | np.ndarray
    intercept: jax.Array | np.ndarray
    value: jax.Array | np.ndarray
    gradient_norm: jax.Array | np.ndarray
    duality_gap: jax.Array | np.ndarray
    direction: jax.Array | np.ndarray
    steps: jax.Array | np.ndarray
    status: jax.Array | np.ndarray
