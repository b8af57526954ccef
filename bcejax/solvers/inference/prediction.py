r"""Probabilities of new examples, with the uncertainty of the fit.

The logit x = f·b + o of an example has variance f' C f, with C the covariance of the params; its
interval is x +- z sqrt(f' C f), and that of the probability s(x) is its image under the sigmoid s,
which lies in [0, 1] (the delta method on the scale of logits).  It says where the probability lies,
not the label.

Source: D. W. Hosmer, S. Lemeshow and R. X. Sturdivant, Applied Logistic Regression, 3rd ed. (2013),
section 1.4.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.numerics import sigmoid
from bcejax.solvers.arguments import as_real
from bcejax.solvers.inference.intervals import normal_quantile
from bcejax.solvers.matrices import dense
from bcejax.solvers.solution import Solution
from bcejax.solvers.worlds import in_float64


class PredictedProbs(NamedTuple):
    """Of each example; (n,) each.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> from bcejax.solvers.inference.information import covariance
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> fit = fit_logistic(x, y)
        >>> ahead = predict_probs(fit, [[4.0]], covariance(fit, x, y))
        >>> ahead.logits.round(3), ahead.errors.round(3)
        (array([2.27]), array([2.934]))
    """

    logits: jax.Array | np.ndarray
    errors: jax.Array | np.ndarray  # standard errors of the logits
    probs: jax.Array | np.ndarray
    lower: jax.Array | np.ndarray  # of the probs
    upper: jax.Array | np.ndarray


def predict_probs(
    solution: Solution,
    inputs: Any,
    covariance: ArrayLike,
    *,
    offset: ArrayLike | None = None,
    confidence: float = 0.95,
) -> PredictedProbs:
    """Probabilities of label 1 and their intervals.

    Args:
        solution: of ``fit_logistic``.
        inputs: (n, d), of the examples to predict; dense, a data frame or sparse.
        covariance: (p, p), of the params, from ``covariance``; p = d + 1 says that there is an
            intercept.
        offset: (n,), added to the logits.
        confidence: in (0, 1), static.

    Returns:
        ``PredictedProbs``. Where the covariance is inf or nan (a separated fit, dependent columns)
        the errors are inf and the intervals [0, 1]: nothing is known.

    Raises:
        TypeError: inputs or offset are not of real numbers.
        ValueError: shapes that do not fit, or a confidence outside (0, 1).

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> from bcejax.solvers.inference.information import covariance
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> fit = fit_logistic(x, y)
        >>> ahead = predict_probs(fit, [[4.0]], covariance(fit, x, y))
        >>> ahead.probs.round(3), ahead.lower.round(3), ahead.upper.round(3)
        (array([0.906]), array([0.03]), array([1.]))

    Accuracy: 1e-8 of statsmodels 0.15 in float64 (tests/solvers/inference/test_prediction.py).
    """
    z = normal_quantile(confidence)
    inputs = dense(inputs)
    jaxed = any(
        isinstance(each, jax.Array) for each in (solution.coefficients, inputs, covariance, offset)
    )
    world: Any = jnp if jaxed else np
    b, matrix = world.asarray(solution.coefficients), world.asarray(covariance)
    x = as_real(world, inputs, "inputs")
    if x.ndim != 2 or b.shape != x.shape[1:]:
        raise ValueError(
            f"inputs {x.shape} do not fit coefficients {b.shape}; give (n, d) and (d,)"
        )
    if matrix.shape not in {(len(b), len(b)), (len(b) + 1, len(b) + 1)}:
        raise ValueError(
            f"covariance must be (p, p) with p = {len(b)} or {len(b) + 1}, got {matrix.shape}"
        )
    o = world.zeros(len(x)) if offset is None else as_real(world, offset, "offset")
    if o.shape != x.shape[:1]:
        raise ValueError(f"offset must be {x.shape[:1]} beside inputs {x.shape}, got {o.shape}")
    dtype = jnp.promote_types(x.dtype, jnp.float32) if jaxed else np.float64
    arrays = [each.astype(dtype) for each in (x, b, world.asarray(solution.intercept), matrix, o)]
    if jaxed:
        return _predicted(*arrays, z=z)
    return in_float64(_predicted, *arrays, z=z)


@functools.partial(jax.jit, static_argnames="z")
def _predicted(
    x: jax.Array, b: jax.Array, c: jax.Array, matrix: jax.Array, offset: jax.Array, *, z: float
) -> PredictedProbs:
    exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits
    ones = jnp.ones((len(x), len(matrix) - len(b)), x.dtype)
    rows = jnp.column_stack([x, ones])
    logits = jnp.matmul(x, b, precision=exact) + c + offset
    variance = jnp.sum(jnp.matmul(rows, matrix, precision=exact) * rows, axis=1)
    errors = jnp.sqrt(jnp.maximum(jnp.where(jnp.isnan(variance), jnp.inf, variance), 0))
    lower, upper = sigmoid(logits - z * errors), sigmoid(logits + z * errors)
    return PredictedProbs(logits, errors, sigmoid(logits), lower, upper)
