"""What a training step reads and writes, in one pytree.

A Flax NNX model is an object; a pure function wants arrays in and arrays out.  ``TrainState``
splits the model once: the arrays (parameters, batch statistics, random counters, the
optimizer's memory) are leaves, and what never changes (the model's graph, the optimizer, the
loss) is static, so that a function of a state needs nothing else and ``jax.jit``, ``jax.vmap``
and ``lax.scan`` take it as it stands.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx, struct
from jax.typing import ArrayLike

from bcejax.losses import bce_with_logits

Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]

# One object, so that every fit that names no optimizer shares one compiled program: jax.jit
# tells optimizers apart by identity.
ADAM = optax.adam(1e-3)


@struct.dataclass
class TrainState:
    """A model in training: a pytree whose leaves are arrays and whose rules are static.

    Attributes:
        params: the model's ``nnx.Param`` arrays, an ``nnx.State``.
        rest: its other arrays: batch statistics, random keys and counters.
        opt_state: the optimizer's memory.
        step: (), int32, updates so far.
        graphdef: the model without its arrays (static).
        optimizer: the ``optax.GradientTransformation`` (static).
        loss: (logits (n,), labels (n,)) -> losses (n,) (static).

    Example:
        >>> from flax import nnx
        >>> from bcejax.models import LogisticRegression
        >>> state = init_state(LogisticRegression(2, rngs=nnx.Rngs(0)))
        >>> blank = state.replace(params=jax.tree.map(jnp.zeros_like, state.params))
        >>> blank.logits(np.ones((3, 2)))
        Array([0., 0., 0.], dtype=float32)
    """

    params: nnx.State
    rest: nnx.State
    opt_state: optax.OptState
    step: jax.Array
    graphdef: nnx.GraphDef = struct.field(pytree_node=False)
    optimizer: optax.GradientTransformation = struct.field(pytree_node=False)
    loss: Loss = struct.field(pytree_node=False)

    def logits(self, inputs: ArrayLike) -> jax.Array:
        """Logits (n,) of inputs (n, d), with dropout off and batch statistics as they are."""
        model = nnx.merge(self.graphdef, self.params, self.rest)
        model.eval()
        return model(jnp.asarray(inputs, self.dtype))

    @property
    def dtype(self) -> jnp.dtype:
        """What inputs and labels are cast to: the parameters' widest float, float32 at least.

        A bfloat16 model casts its inputs down itself; labels stay in float32, or 0.999 would
        become 1.
        """
        kinds = set(map(jnp.result_type, jax.tree.leaves(self.params)))
        return jnp.result_type(jnp.float32, *(d for d in kinds if jnp.issubdtype(d, jnp.floating)))


def init_state(
    model: nnx.Module,
    optimizer: optax.GradientTransformation = ADAM,
    loss: Loss = bce_with_logits,
) -> TrainState:
    """The state of a model before its first step.

    The arrays are copies: training a state, even with donated buffers, leaves the model as it
    was until ``update_model`` is called.  Inside ``jax.vmap`` over random keys it makes a state
    of many models at once.

    Args:
        model: a Flax NNX module that maps inputs (n, d) to logits (n,).
        optimizer: an optax optimizer.  Make it once and keep it: ``jax.jit`` compiles anew for
            each new object, equal or not.
        loss: elementwise, (logits, labels) -> losses.  Make a ``functools.partial`` once, too.

    Returns:
        The state at step 0.

    Raises:
        TypeError: the model is not an ``nnx.Module``, a parameter does not hold floats, the
            optimizer is not one of optax, or the loss no function.

    Example:
        >>> from flax import nnx
        >>> from bcejax.models import MLP
        >>> state = init_state(MLP(8, rngs=nnx.Rngs(0)))
        >>> state.params["hidden"][0]["kernel"].shape, int(state.step)
        ((8, 16), 0)
    """
    return _first_state(split_model(model, optimizer, loss))


def split_model(
    model: nnx.Module, optimizer: optax.GradientTransformation, loss: Loss
) -> TrainState:
    """A state of the model's own arrays, whose optimizer has no memory yet.

    Raises:
        TypeError: as ``init_state``.
    """
    if not isinstance(model, nnx.Module):
        raise TypeError(f"model must be a flax nnx.Module, got {type(model).__name__}")
    if not isinstance(optimizer, optax.GradientTransformation):
        kind = type(optimizer).__name__
        raise TypeError(
            "optimizer must be an optax.GradientTransformation, such as optax.adam(1e-3), "
            f"got {kind}"
        )
    if not callable(loss):
        raise TypeError(f"loss must be a function of logits and labels, got {type(loss).__name__}")
    graphdef, params, rest = nnx.split(model, nnx.Param, ...)  # type: ignore[misc]
    for path, array in jax.tree.leaves_with_path(params):
        if not jnp.issubdtype(jnp.result_type(array), jnp.inexact):
            raise TypeError(
                f"each nnx.Param must hold floats; model{jax.tree_util.keystr(path)} holds "
                f"{jnp.result_type(array)}: what is not learnt goes into another nnx.Variable"
            )
    return TrainState(params, rest, (), np.int32(0), graphdef, optimizer, loss)  # type: ignore


def first_state(state: TrainState) -> TrainState:
    """Inside a program: copies of a state's arrays, and an optimizer that starts afresh."""
    params, rest = jax.tree.map(jnp.copy, (state.params, state.rest))
    opt_state, step = state.optimizer.init(params), jnp.zeros((), jnp.int32)
    return dataclasses.replace(state, params=params, rest=rest, opt_state=opt_state, step=step)


# In one program: eager, the zeros of Adam alone take half a millisecond.
_first_state = jax.jit(first_state)


def update_model(model: nnx.Module, state: TrainState) -> None:
    """Write a state's parameters and other arrays into the model, in place.

    The model then shares these arrays with the state: do not donate the state afterwards.

    Args:
        model: the module that the state came from, or one of the same structure.
        state: of one model; take one of many with ``jax.tree.map(lambda a: a[i], states)``.

    Raises:
        ValueError: the arrays of the state are not shaped like those of the model.

    Example:
        >>> import jax
        >>> from flax import nnx
        >>> from bcejax.models import LogisticRegression
        >>> model = LogisticRegression(2, rngs=nnx.Rngs(0))
        >>> state = init_state(model)
        >>> state = state.replace(params=jax.tree.map(lambda p: 0 * p + 3, state.params))
        >>> update_model(model, state)
        >>> model.coefficients[...].tolist(), model.intercept[...].item()
        ([3.0, 3.0], 3.0)
    """
    old = nnx.split(model, nnx.Param, ...)[1:]
    new = (state.params, state.rest)
    if jax.tree.map(jnp.shape, new) != jax.tree.map(jnp.shape, old):
        raise ValueError(
            f"the state is not of this {type(model).__name__}: its arrays have other names or "
            "shapes (a state of many models is written one model at a time)"
        )
    nnx.update(model, *new)
