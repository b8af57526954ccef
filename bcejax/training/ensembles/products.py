"""Linear layers as many members want them: with the units before the examples.

    (X W)' = W' X'                       of m members with one batch: (m units, d) (d, n)

One after the other, models compute X W.  Of members that share a batch X that is one product with
the kernels side by side, (n, d) (d, m units); but all that follows goes member by member, and
XLA on CPU moves every number to another place for it, there and back, for longer than the
products take.  The product above comes out member by member.  Only the order of the numbers in
memory differs, not what they are.

What follows a product, a bias and a ReLU say, is a loop over the examples.  Where a batch has few,
32 at most, and the loop does little, LLVM unrolls the loop before it looks for vectors, and then
finds none, which shows in a step of networks 8-16-1.  So the product comes with an operation more
that changes no number, which makes the loop too long to unroll.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from bcejax.data import Batch
from bcejax.training.state import TrainState
from bcejax.training.steps import train_step


def units_first(state: TrainState, batch: Batch) -> TrainState:
    """The state of the same model, whose ``nnx.Linear`` layers compute with the units first.

    Where a layer has a product of its own, that stays; so does the whole model where it takes
    forward derivatives inside, which the rule for the backward pass does not know.

    Args:
        state: of one model.
        batch: of the shapes of a step.
    """
    model: nnx.Module = nnx.merge(state.graphdef, state.params, state.rest)
    for _, module in nnx.iter_modules(model):
        if isinstance(module, nnx.Linear) and module.dot_general is lax.dot_general:
            module.dot_general = _dot_general
    turned = dataclasses.replace(state, graphdef=nnx.graphdef(model))
    try:
        jax.eval_shape(train_step, turned, batch)
    except (TypeError, NotImplementedError):  # as the derivative is the outer or the inner one
        return state
    return turned


def _dot_general(
    inputs: jax.Array, kernel: jax.Array, dimension_numbers: Any, **settings: Any
) -> jax.Array:
    """``lax.dot_general`` for ``nnx.Linear``."""
    if inputs.ndim == 2 and not any(each is not None for each in settings.values()):
        return _product(inputs, kernel)
    return lax.dot_general(inputs, kernel, dimension_numbers, **settings)


@jax.custom_vjp
def _product(inputs: jax.Array, kernel: jax.Array) -> jax.Array:
    product = _contracted(kernel, inputs, 0, 1)
    return jnp.where(jnp.isnan(product), jnp.nan, product).T  # too long to unroll; see above


def _forward(inputs, kernel):  # type: ignore[no-untyped-def]
    return _product(inputs, kernel), (inputs, kernel)


def _backward(saved, cotangent):  # type: ignore[no-untyped-def]
    inputs, kernel = saved
    in_inputs = _contracted(kernel, cotangent.T, 1, 0).T
    in_kernel = _contracted(cotangent.T, inputs, 1, 0).T
    return in_inputs, in_kernel


_product.defvjp(_forward, _backward)


def _contracted(a: jax.Array, b: jax.Array, axis_of_a: int, axis_of_b: int) -> jax.Array:
    return lax.dot_general(a, b, (((axis_of_a,), (axis_of_b,)), ((), ())))
