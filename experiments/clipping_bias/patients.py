"""Pima with mislabelled rows, and networks that learn from it, one for each seed, all at once."""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from bcejax.data import Batch, load_pima, split, standardize
from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.training import History, TrainState, init_state, train_epochs
from bcejax.training.orders import draw_order, key_words
from experiments.clipping_bias.settings import Config
from experiments.clipping_bias.ways import Loss

ADAM = optax.adam(0.01)
BATCH = 32


class Patients(NamedTuple):
    """Split and standardised patients of every seed: (seeds, ...) in each array."""

    train: Batch
    unseen: Batch
    turned: np.ndarray  # (seeds, k) rows of train that are mislabelled
    mislabelled: Batch  # train as it is learnt from


def draw_patients(config: Config) -> Patients:
    """For each seed another quarter held back and other rows mislabelled; all in float32."""
    pima, drawn = load_pima().batch, []
    for seed in range(config.seed, config.seed + config.seeds):
        (train, unseen), _ = standardize(split(pima, validation=0.25, seed=seed))
        n = len(train.labels)
        rng = np.random.default_rng(seed)
        turned = rng.choice(n, round(config.mislabelled * n), replace=False)
        labels = np.array(train.labels)
        labels[turned] = 1 - labels[turned]
        drawn.append(Patients(train, unseen, turned, train._replace(labels=labels)))
    return jax.tree.map(lambda *each: _narrow(np.stack(each)), *drawn)


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def start_networks(config: Config, loss: Loss, scale: float = 1.0) -> TrainState:
    """A network of each seed, the first weights of its last layer times ``scale``."""
    seeds = range(config.seed, config.seed + config.seeds)
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    return dataclasses.replace(_start(config.hidden, keys, scale), loss=loss)


@partial(jax.jit, static_argnums=0)
def _start(hidden: int, keys: jax.Array, scale: float) -> TrainState:
    """Before a loss is chosen, so that all share one program."""

    def start(key: jax.Array) -> TrainState:
        model = MLP(8, (hidden,), rngs=nnx.Rngs(params=key))
        model.output.kernel[...] = scale * model.output.kernel[...]
        return init_state(model, ADAM)

    return jax.vmap(start)(keys)


def restart(states: TrainState, loss: Loss) -> TrainState:
    """The same networks before a new training, with another loss and a fresh optimizer."""
    fresh = jax.vmap(ADAM.init)(states.params)
    step = jnp.zeros_like(states.step)
    return dataclasses.replace(states, loss=loss, opt_state=fresh, step=step)


def train(
    states: TrainState, batch: Batch, epochs: int, config: Config, *, watched: Batch, room: int = 0
) -> tuple[TrainState, History]:
    """Each network on its own patients, in its own order.

    Args:
        states: before.
        batch: (seeds, n, ...) what to learn from.
        epochs: visits of each patient.
        config: seeds of the orders.
        watched: what to take the figures of after each epoch.
        room: rows of the history at least; trainings with the same room share one program.
    """
    n, rows = batch.labels.shape[1], max(epochs, room)
    orders = np.zeros((config.seeds, rows, n), np.int32)
    for k in range(config.seeds):
        words = key_words(jax.random.key(config.seed + k))
        orders[k, :epochs] = [draw_order(words, epoch, n) for epoch in range(epochs)]
    return _train(states, batch, orders, watched, epochs)


@jax.jit
def _train(states, batch, orders, watched, epochs):  # type: ignore[no-untyped-def]
    return jax.vmap(partial(train_epochs, batch_size=BATCH, epochs=epochs))(
        states, batch, orders, validation=watched
    )


def take(batch: Batch, rows: np.ndarray) -> Batch:
    """Rows (seeds, k) of each seed's examples."""
    return jax.tree.map(partial(take_rows, rows=rows), batch)


def take_rows(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (seeds, k) of an array (seeds, n, ...)."""
    return np.asarray(array)[np.arange(len(rows))[:, None], rows]


def logits_of(states: TrainState, inputs: jax.Array | np.ndarray) -> jax.Array:
    """Logits (seeds, n) of each network on its own inputs (seeds, n, 8)."""
    return _logits_of(dataclasses.replace(states, loss=bce_with_logits), inputs)


@jax.jit
def _logits_of(states: TrainState, inputs: jax.Array | np.ndarray) -> jax.Array:
    """The loss has no part in them, so that all share one program."""
    return jax.vmap(TrainState.logits)(states, inputs)


@partial(jax.jit, static_argnums=0)
def slopes_of(loss: Loss, logits: jax.Array, labels: jax.Array) -> jax.Array:
    """The derivative of each loss in its logit, by autodiff."""
    return jax.vmap(jax.vmap(jax.grad(loss)))(logits, labels)
