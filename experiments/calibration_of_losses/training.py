"""Networks trained by each loss on one draw, held against the minimiser and the truth."""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.typing import ArrayLike

from bcejax.data import Batch, Draw, draw_logistic
from bcejax.models import MLP
from bcejax.training import TrainState, epoch_order, init_state
from experiments.calibration_of_losses.links import Loss
from experiments.calibration_of_losses.settings import Config


class Drawn(NamedTuple):
    """What to learn from, and others to judge by."""

    train: Batch
    unseen: Draw


def draw(config: Config) -> Drawn:
    """Examples of a logistic truth, in float32."""
    both = jax.jit(draw_logistic, static_argnums=1)(
        jax.random.key(config.seed), config.drawn + config.judged
    )
    train = jax.tree.map(lambda array: array[: config.drawn], both.batch)
    return Drawn(train, jax.tree.map(lambda array: array[config.drawn :], both))


def train(batch: Batch, config: Config) -> TrainState:
    """One network for each loss, all from one start and in one order, in one program."""
    steps = config.drawn // config.batch
    optimizer = optax.adam(optax.cosine_decay_schedule(0.01, steps * config.epochs))
    model = MLP(batch.inputs.shape[1], (config.hidden,), rngs=nnx.Rngs(config.seed))
    alone = init_state(model, optimizer)
    states = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], len(config.losses), axis=0), alone)
    key = jax.random.key(config.seed)
    orders = [epoch_order(key, epoch, config.drawn) for epoch in range(config.epochs)]
    rows = np.concatenate([order[: steps * config.batch] for order in orders])
    losses = tuple(link.loss for link in config.links.values())
    return _descend(losses, states, batch, rows.reshape(-1, config.batch))


@partial(jax.jit, static_argnums=0)
def _descend(
    losses: tuple[Loss, ...], states: TrainState, batch: Batch, rows: jax.Array
) -> TrainState:
    def total(params: nnx.State, part: Batch) -> jax.Array:
        logits = logits_of(dataclasses.replace(states, params=params), part.inputs)
        pairs, labels = zip(losses, logits, strict=True), jnp.asarray(part.labels)
        return sum((loss(each, labels).mean() for loss, each in pairs), jnp.zeros(()))

    def step(states: TrainState, rows: jax.Array) -> tuple[TrainState, None]:
        # the networks share no parameter, so the gradient of the sum is that of each loss
        gradient = jax.grad(total)(states.params, jax.tree.map(lambda array: array[rows], batch))
        updates, memory = jax.vmap(states.optimizer.update)(gradient, states.opt_state)
        params = optax.apply_updates(states.params, updates)
        return dataclasses.replace(states, params=params, opt_state=memory), None

    return jax.lax.scan(step, states, rows)[0]


@jax.jit
def logits_of(states: TrainState, inputs: ArrayLike) -> jax.Array:
    """Logits (losses, n) of inputs (n, d)."""
    return jax.vmap(TrainState.logits, in_axes=(0, None))(states, inputs)
