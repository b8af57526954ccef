"""Keras's Adam and Keras's loss, written from the pieces of optax and bcejax."""

import itertools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bcejax.losses import bce_with_logits, bce_with_probs
from bcejax.numerics import sigmoid
from bcejax.training import init_state, train_epochs, update_model
from experiments.keras_tutorial.setting import Course, Task, flatten, layers_of

Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]

EPSILON = 1e-7  # Keras has one for Adam and one for the clip; they happen to be equal


def keras_loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The loss of the probabilities, which are kept 1e-7 away from 0 and 1."""
    return bce_with_probs(sigmoid(logits), labels, clip=EPSILON)


def keras_adam(rate: float) -> optax.GradientTransformation:
    """Adam with epsilon added before the bias of the second moment is taken out.

    (m / c1) / ((sqrt(v) + e) / sqrt(c2)) = m' / (sqrt(v') + e / sqrt(c2)),  c2 = 1 - 0.999^t:
    optax's Adam with an epsilon that depends on the step.
    """

    def epsilon(steps_before: jax.Array) -> jax.Array:
        return EPSILON / jnp.sqrt(1 - 0.999 ** (steps_before + 1.0))

    return optax.inject_hyperparams(optax.adam)(rate, eps=epsilon)


KERAS_WAY = "Keras's Adam and clip"
PLAIN_WAY = "optax.adam, exact loss"
WAYS: dict[str, tuple[Callable[[float], optax.GradientTransformation], Loss]] = {
    KERAS_WAY: (keras_adam, keras_loss),
    "Keras's Adam, exact loss": (keras_adam, bce_with_logits),
    "optax.adam, Keras's clip": (optax.adam, keras_loss),
    PLAIN_WAY: (optax.adam, bce_with_logits),
}


def train_way(way: str, task: Task, orders: np.ndarray, dtype: str) -> Course:
    """The course of training in one of WAYS."""
    adam, loss = WAYS[way]
    train, validation = task.rounded(dtype)
    model, rows = task.network(dtype), []
    state = init_state(model, adam(task.config.learning_rate), loss)
    for order in orders:
        state, history = train_epochs(
            state,
            train,
            order[None],
            batch_size=task.config.batch_size,
            validation=validation,
        )
        update_model(model, state)
        weights = flatten(itertools.chain(*layers_of(model)))
        rows.append((history.loss[0], history.validation_loss[0], weights))
    return Course(*(np.array(column) for column in zip(*rows, strict=True)))
