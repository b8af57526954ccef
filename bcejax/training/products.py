"""Products of matrices as a step on a CPU is quickest with them.

XLA on a CPU leaves each product to a library.  Its call takes longer than a loop over few numbers
does, and in jax 0.10 its product of inputs and gradients hardly gains from a second thread.  So of
an ``MLP`` of linear layers in training, and no other model, whose logits might not be each its own
row's alone,

    a layer of few numbers   is written out as a sum of columns, and the gradient in its kernel as
                             a sum of rows: loops that XLA joins to those before and behind
    a large batch            goes through the layers in two halves, whose products go side by side

which changes the order in which numbers are added, and no more (experiments/speed_of_training
times one fit of either kind).
"""

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from bcejax.models import MLP

# Rows and numbers from which a batch is worth dividing between two threads.
_ROWS, _NUMBERS = 512, 2**15
# Terms of a sum, and multiplications, up to which a product is worth writing out.
_TERMS, _FEW = 64, 2**13


def logits_of(model: nnx.Module, inputs: ArrayLike) -> jax.Array:
    """Logits (n,) of inputs (n, d), in a program of one device."""
    if type(model) is not MLP or jax.default_backend() != "cpu":
        return model(inputs)
    if any(type(layer) is not nnx.Linear for layer in model.hidden):
        return model(inputs)
    if jnp.shape(inputs)[0] >= _ROWS and jnp.size(inputs) >= _NUMBERS:
        return jnp.concatenate(
            [model(half) for half in jnp.split(inputs, [jnp.shape(inputs)[0] // 2])]
        )
    for layer in model.hidden:
        if layer.dot_general is lax.dot_general:
            layer.dot_general = _dot_general
    return model(inputs)


def _dot_general(
    inputs: jax.Array, kernel: jax.Array, dimension_numbers: Any, **settings: Any
) -> jax.Array:
    """``lax.dot_general`` for ``nnx.Linear``."""
    rows, (columns, units) = len(inputs), kernel.shape
    few = inputs.ndim == 2 and max(rows, columns) <= _TERMS and rows * columns * units <= _FEW
    # fewer bits would be rounded after each term
    if few and kernel.dtype in (jnp.float32, jnp.float64):
        return _product(inputs, kernel)
    return lax.dot_general(inputs, kernel, dimension_numbers, **settings)


@jax.custom_jvp
def _product(inputs: jax.Array, kernel: jax.Array) -> jax.Array:
    return functools.reduce(
        operator.add, [x[:, None] * k for x, k in zip(inputs.T, kernel, strict=True)]
    )


@functools.partial(_product.defjvp, symbolic_zeros=True)
def _product_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    (inputs, kernel), (in_inputs, in_kernel) = primals, tangents
    changes = []
    if not isinstance(in_inputs, SymbolicZero):
        changes.append(in_inputs @ kernel)
    if not isinstance(in_kernel, SymbolicZero):
        # row by row, which transposed is the gradient in the kernel as a sum of rows
        changes.append(jnp.stack([jnp.sum(x[:, None] * in_kernel, axis=0) for x in inputs]))
    return _product(inputs, kernel), functools.reduce(operator.add, changes)
