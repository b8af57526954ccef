"""The multi-layer perceptron: affine maps with a nonlinearity between them.

    h_0 = u,   h_k = a(h_{k-1} W_k + b_k),   x(u) = h_m . c + b

The layers are those of Keras's ``Dense`` and start as those do: each kernel from Glorot's
uniform law, on [-r, r] with r = sqrt(6 / (fan_in + fan_out)), each bias 0.  (``nnx.Linear``
alone would draw its kernel from LeCun's normal law.)

References:
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010).
"""

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from bcejax.models.inputs import check_inputs
from bcejax.numerics.options import check_count

_glorot = nnx.initializers.glorot_uniform()


class MLP(nnx.Module):
    """Logits (...,) of inputs (..., features), through hidden layers.

    Attributes:
        hidden: ``nnx.List`` of ``nnx.Linear``, one per hidden layer.
        output: ``nnx.Linear`` to the one logit, whose axis the call squeezes.
        activation: the nonlinearity after each hidden layer.

    Args:
        features: number of columns of the inputs.
        hidden: widths of the hidden layers; ``()`` leaves a linear model.
        activation: a function of arrays, elementwise.  Name one that stays: a model with a new
            lambda is compiled anew.
        rngs: ``nnx.Rngs`` whose ``params`` stream draws the kernels.
        dtype: what to compute in; None promotes inputs and parameters as JAX does.
        param_dtype: dtype of the parameters.

    Raises:
        ValueError: a width is below 1; when called, inputs of another last axis.
        TypeError: a width is not an integer.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from flax import nnx
        >>> model = MLP(8, hidden=(16,), rngs=nnx.Rngs(0))
        >>> model(np.zeros((5, 8))).shape
        (5,)
        >>> sum(array.size for array in jax.tree.leaves(nnx.state(model, nnx.Param)))
        161
    """

    def __init__(
        self,
        features: int,
        hidden: Sequence[int] = (16,),
        activation: Callable[[jax.Array], jax.Array] = nnx.relu,
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
    ) -> None:
        check_count("features", features)
        for width in hidden:
            check_count("each width in hidden", width)
        *before, last = _drawn(rngs, (features, *hidden, 1), dtype, param_dtype)
        self.features = features
        self.activation = activation
        self.hidden = nnx.List(before)
        self.output = last

    def __call__(self, inputs: ArrayLike) -> jax.Array:
        """Logits (...,) of inputs (..., features)."""
        values = jnp.asarray(inputs)
        check_inputs(values, self.features, "MLP")
        for layer in self.hidden:
            values = self.activation(layer(values))
        return self.output(values)[..., 0]


def _layers(
    rngs: nnx.Rngs, widths: tuple[int, ...], dtype: DTypeLike | None, param_dtype: DTypeLike
) -> list[nnx.Linear]:
    """From each width to the next, with their first parameters."""
    return [
        nnx.Linear(*ends, rngs=rngs, dtype=dtype, param_dtype=param_dtype, kernel_init=_glorot)
        for ends in itertools.pairwise(widths)
    ]


# One program, which a new process compiles sooner than one for each operation.
_drawn = nnx.jit(_layers, static_argnums=(1, 2, 3))
