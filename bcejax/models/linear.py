"""Logistic regression: the logit is a linear function of the inputs.

    x(u) = u . c + b,      c coefficients (d,), b intercept ()

It has the parameters of a Keras ``Dense(1)`` layer and starts as that does: c from Glorot's
uniform law for d inputs and one output, on [-r, r] with r = sqrt(6 / (d + 1)), and b = 0.
The mean cross-entropy is convex in (c, b), so where it starts decides only how long it takes.

References:
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from bcejax.models.inputs import check_inputs
from bcejax.numerics.options import check_count

_glorot = nnx.initializers.glorot_uniform()


class LogisticRegression(nnx.Module):
    """Logits (...,) of inputs (..., features): ``inputs @ coefficients + intercept``.

    Attributes:
        coefficients: ``nnx.Param`` (features,), first drawn from Glorot's uniform law.
        intercept: ``nnx.Param`` (), first 0.

    Args:
        features: number of columns of the inputs.
        rngs: ``nnx.Rngs`` whose ``params`` stream draws the coefficients.
        dtype: what to compute in; None promotes inputs and parameters as JAX does.
        param_dtype: dtype of the parameters.

    Raises:
        ValueError: ``features`` is below 1; when called, inputs of another last axis.
        TypeError: ``features`` is not an integer.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> model = LogisticRegression(3, rngs=nnx.Rngs(0))
        >>> model.coefficients[...] = np.float32([1.0, -2.0, 0.5])
        >>> model(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 4.0]])).tolist()
        [-1.0, 2.0]
    """

    def __init__(
        self,
        features: int,
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
    ) -> None:
        check_count("features", features)
        self.features = features
        self.dtype = dtype
        kernel = _glorot(rngs.params(), (features, 1), param_dtype)
        self.coefficients = nnx.Param(kernel[:, 0])
        self.intercept = nnx.Param(jnp.zeros((), param_dtype))

    def __call__(self, inputs: ArrayLike) -> jax.Array:
        """Logits (...,) of inputs (..., features)."""
        inputs = jnp.asarray(inputs)
        check_inputs(inputs, self.features, "LogisticRegression")
        coefficients, intercept = self.coefficients[...], self.intercept[...]
        dtype = self.dtype or jnp.result_type(inputs, coefficients)
        return inputs.astype(dtype) @ coefficients.astype(dtype) + intercept.astype(dtype)
