"""One gradient step, and the figures of a batch.

For a batch of logits x_i, labels y_i and weights w_i (1 where there are none)

    loss      sum w_i l(x_i, y_i) / sum w_i          accuracy  sum w_i [x_i > 0] = [y_i > 1/2] / ...

and a step moves the parameters by the optimizer's update for the gradient of that loss.
"""

import dataclasses
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh

from bcejax.data import Batch
from bcejax.losses import reduce_losses
from bcejax.training.products import logits_of
from bcejax.training.sharding import at_rest, divided, whole
from bcejax.training.state import TrainState

Tree = TypeVar("Tree")


class Metrics(NamedTuple):
    """The figures of one batch, each ().

    Attributes:
        loss: weighted mean of the losses.
        accuracy: weighted share of examples on the right side of logit 0; a soft label counts
            as the class that it leans to, and 1/2 as class 0.
        weight: sum of the weights, or the number of examples: what the batch counts in a mean
            over batches.

    Example:
        >>> one, two = Metrics(0.5, 0.75, 32.0), Metrics(1.0, 0.5, 32.0)
        >>> (one.loss * one.weight + two.loss * two.weight) / (one.weight + two.weight)
        0.75
    """

    loss: jax.Array
    accuracy: jax.Array
    weight: jax.Array


@jax.jit
def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    """One update on one batch: a pure function, for ``jit``, ``vmap`` and ``scan``.

    Dropout is on and batch statistics follow the batch.

    Args:
        state: the state before the step.
        batch: n examples; inputs and labels are cast to ``state.dtype``.

    Returns:
        The state after the step, and the figures of the batch before it.

    Raises:
        ValueError: the model does not give one logit per example, or the loss one number.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data import Batch
        >>> from bcejax.models import LogisticRegression
        >>> from bcejax.training import init_state, train_step
        >>> batch = Batch(np.array([[1.0], [-1.0]]), np.array([1, 0]))
        >>> state = init_state(LogisticRegression(1, rngs=nnx.Rngs(0)))
        >>> state, before = train_step(state, batch)
        >>> state, after = train_step(state, batch)
        >>> bool(after.loss < before.loss), int(state.step)
        (True, 2)
    """
    return step_on(state, batch, None)


def step_on(state: TrainState, batch: Batch, mesh: Mesh | None) -> tuple[TrainState, Metrics]:
    """As ``train_step``, on the devices of a mesh; None is one device."""
    batch = divided(cast_arrays(batch, state.dtype), mesh)

    def forward(params: nnx.State) -> tuple[jax.Array, nnx.State]:
        # Rebuilt, because nnx lets a variable change only under the transform that it was made in.
        rest = jax.tree.map(lambda array: array, whole(state.rest, mesh))
        model = nnx.merge(state.graphdef, params, rest)
        model.train()
        logits = logits_of(model, batch.inputs) if mesh is None else model(batch.inputs)
        nnx.pop(model, nnx.Intermediate)  # what it sows is for those who call it themselves
        after = nnx.state(model, nnx.Not(nnx.Param))
        _check_kept(after, rest)
        return logits, after

    def objective(logits: jax.Array) -> tuple[jax.Array, Metrics]:
        metrics = _measure(state, logits, batch)
        return metrics.loss, metrics

    logits, pull_back, rest = jax.vjp(forward, whole(state.params, mesh), has_aux=True)
    in_logits, metrics = jax.grad(objective, has_aux=True)(logits)
    if mesh is None:
        # The gather stores the gradient in the logits.  Without it XLA on CPU works out the
        # hundred operations behind each of its numbers anew for each hidden unit: twice the time
        # of a step of 256 x 30 with 64 units in jaxlib 0.10.1, where optimization_barrier does
        # not help.  On a mesh it would send each device's part to all.
        in_logits = in_logits[jnp.arange(len(in_logits))]
    (gradient,) = pull_back(divided(in_logits, mesh))
    updates, opt_state = optax.with_extra_args_support(state.optimizer).update(
        gradient,
        state.opt_state,
        state.params,
        value=metrics.loss,
        grad=gradient,
        value_fn=lambda params: objective(forward(params)[0])[0],
    )
    params = optax.apply_updates(state.params, updates)
    after = dataclasses.replace(
        state, params=params, rest=rest, opt_state=opt_state, step=state.step + 1
    )
    return at_rest(after, mesh), metrics


@jax.jit
def evaluate(state: TrainState, batch: Batch) -> Metrics:
    """The figures of a batch, with dropout off and batch statistics as they are.

    Args:
        state: of one model.
        batch: n examples, all at once in memory.

    Raises:
        ValueError: the model does not give one logit per example, or the loss one number.

    Example:
        >>> import numpy as np
        >>> from flax import nnx
        >>> from bcejax.data import Batch
        >>> from bcejax.models import LogisticRegression
        >>> from bcejax.training import evaluate, init_state
        >>> state = init_state(LogisticRegression(1, rngs=nnx.Rngs(0)))
        >>> metrics = evaluate(state, Batch(np.zeros((4, 1)), np.array([0, 0, 0, 1])))
        >>> round(metrics.loss.item(), 6), metrics.accuracy.item(), metrics.weight.item()
        (0.693147, 0.75, 4.0)
    """
    batch = cast_arrays(batch, state.dtype)
    return _measure(state, state.logits(batch.inputs), batch)


def cast_arrays(tree: Tree, dtype: jnp.dtype) -> Tree:
    """The same batches with every array in ``dtype``."""
    return jax.tree.map(lambda array: jnp.asarray(array, dtype), tree)


def _measure(state: TrainState, logits: jax.Array, batch: Batch) -> Metrics:
    labels, n = jnp.asarray(batch.labels), batch.labels.shape
    if _shape(logits) != n:
        raise ValueError(
            f"the model must give one logit per example, shape {n} for inputs "
            f"{batch.inputs.shape}; got {_shape(logits)}"
        )
    losses = state.loss(logits, labels)
    if _shape(losses) != n:
        raise ValueError(
            f"the loss must give one number per example, shape {n}; got {_shape(losses)}"
        )
    hits = ((logits > 0) == (labels > 0.5)).astype(labels.dtype)
    ones = jnp.ones_like(labels) if batch.weights is None else batch.weights
    return Metrics(
        reduce_losses(losses, weights=batch.weights),
        reduce_losses(hits, weights=batch.weights),
        jnp.sum(ones),
    )


def _check_kept(after: nnx.State, before: nnx.State) -> None:
    """Refuse a model whose calls make variables: a program's state has one structure."""
    names, old = (
        {jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(each)}
        for each in (after, before)
    )
    if names != old:
        raise ValueError(
            "the model must have its variables before its first call, and keep them; a call in "
            f"training changes {', '.join(sorted(names ^ old))}"
        )


def _shape(answer: object) -> object:
    """The shape of an array; of anything else its type."""
    return getattr(answer, "shape", type(answer).__name__)
