"""Ways to train the networks that race: at once, in a loop, and by torch.

Each is a function that trains all of them from the start and gives back the mean loss of each in
the last epoch.  A loop calls one compiled program, of start and training, for each network: such as
one writes with Flax and Optax, or of the steps that ``fit`` takes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import numpy as np
import optax
from flax import nnx
from jax import lax

from bcejax import bce_with_logits
from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.numerics import require
from bcejax.training import epoch_order, fit, init_state, train_epochs
from bcejax.training.ensembles import fit_ensemble
from experiments.ensembles.settings import BATCH, COLUMNS, HIDDEN, RATE, Config

Call: TypeAlias = Callable[[], np.ndarray]
Train: TypeAlias = Callable[[nnx.Module, Batch, np.ndarray], jax.Array]

ONE, TWO, OWN = "bcejax", "bcejax, two devices", "bcejax, own orders"
LOOP, LOOP_OWN = "compiled loop", "compiled loop, own orders"
STEPS, FITS = "compiled loop of our steps", "loop of fit"
TORCH = "torch, batched"


def data_of(config: Config) -> Batch:
    """A logistic truth in one of the columns."""
    rng = np.random.default_rng(config.seed)
    inputs = rng.standard_normal((config.examples, COLUMNS)).astype(np.float32)
    labels = rng.random(config.examples) < 1 / (1 + np.exp(-2 * inputs[:, 0]))
    return Batch(inputs, labels.astype(np.float32))


def make_model(rngs: nnx.Rngs) -> nnx.Module:
    """One of the networks."""
    return MLP(COLUMNS, (HIDDEN,), rngs=rngs)


def way_of(name: str, config: Config) -> Call:
    """One of WAYS on the data."""
    return WAYS[name](data_of(config), config)


def at_once(batch: Batch, config: Config, *, shared_order: bool) -> Call:
    """By ``fit_ensemble``."""

    def call() -> np.ndarray:
        ensemble = fit_ensemble(
            make_model,
            batch,
            n_models=config.raced,
            key=jax.random.key(config.seed),
            shared_order=shared_order,
            epochs=config.laps,
            batch_size=BATCH,
            progress=False,
        )
        return np.asarray(ensemble.history.loss)[:, -1]

    return call


def plainly(model: nnx.Module, batch: Batch, order: np.ndarray) -> jax.Array:
    """The mean loss of the last epoch, by Flax and Optax alone."""
    graphdef, params = nnx.split(model)
    adam = optax.adam(RATE)

    def step(carry, rows):  # type: ignore[no-untyped-def]
        params, memory = carry

        def mean_loss(params: nnx.State) -> jax.Array:
            logits = nnx.merge(graphdef, params)(batch.inputs[rows])
            return bce_with_logits(logits, batch.labels[rows]).mean()

        loss, gradient = jax.value_and_grad(mean_loss)(params)
        updates, memory = adam.update(gradient, memory)
        return (optax.apply_updates(params, updates), memory), loss

    def epoch(carry, order):  # type: ignore[no-untyped-def]
        carry, losses = lax.scan(step, carry, order.reshape(-1, BATCH))
        return carry, losses.mean()

    return lax.scan(epoch, (params, adam.init(params)), order)[1][-1]


def by_steps(model: nnx.Module, batch: Batch, order: np.ndarray) -> jax.Array:
    """The same by the steps of ``fit``."""
    return train_epochs(init_state(model), batch, order, batch_size=BATCH)[1].loss[-1]


def looped(batch: Batch, config: Config, *, by: Train, shared_order: bool = True) -> Call:
    """The same networks in the same orders, one after the other."""
    on_device = jax.device_put(batch)

    @jax.jit
    def train(key: jax.Array, order: np.ndarray, batch: Batch) -> jax.Array:
        return by(make_model(nnx.Rngs(key)), batch, order)

    def order_of(key: jax.Array) -> np.ndarray:
        return np.stack([epoch_order(key, e, config.examples) for e in range(config.laps)])

    def call() -> np.ndarray:
        key = jax.random.key(config.seed)
        order = order_of(key)
        losses = [
            float(train(each, order if shared_order else order_of(each), on_device))
            for each in jax.random.split(key, config.raced)
        ]
        return np.array(losses)

    return call


def fitted(batch: Batch, config: Config) -> Call:
    """As one writes it: a model and ``fit``, again and again."""

    def call() -> np.ndarray:
        key = jax.random.key(config.seed)
        losses = []
        for each in jax.random.split(key, config.raced):
            history = fit(
                make_model(nnx.Rngs(each)),
                batch,
                key=key,
                epochs=config.laps,
                batch_size=BATCH,
                progress=False,
            )
            losses.append(history.loss[-1])
        return np.array(losses)

    return call


def by_torch(batch: Batch, config: Config) -> Call:
    """All networks in batched products, with fused Adam; on one thread, which is faster here."""
    torch = require("torch", extra="peers", purpose="a way to race against")
    torch.set_num_threads(1)
    inputs, labels = (torch.from_numpy(np.asarray(each)) for each in batch[:2])
    loss_of = torch.nn.BCEWithLogitsLoss(reduction="none")

    def glorot(rng: np.random.Generator, *shape: int) -> Any:
        r = np.sqrt(6 / (shape[1] + shape[2]))
        values = rng.uniform(-r, r, shape).astype(np.float32)
        return torch.from_numpy(values).requires_grad_()

    def call() -> np.ndarray:
        rng, m = np.random.default_rng(config.seed), config.raced
        kernel, output = glorot(rng, m, COLUMNS, HIDDEN), glorot(rng, m, HIDDEN, 1)
        bias = torch.zeros(m, 1, HIDDEN, requires_grad=True)
        intercept = torch.zeros(m, 1, 1, requires_grad=True)
        adam = torch.optim.Adam([kernel, bias, output, intercept], lr=RATE, fused=True)
        for lap in range(config.laps):
            order = epoch_order(jax.random.key(config.seed), lap, config.examples)
            total = torch.zeros(m)
            for rows in torch.from_numpy(order).long().split(BATCH):
                x = inputs[rows].expand(m, -1, -1)
                hidden = torch.relu(torch.baddbmm(bias, x, kernel))
                logits = torch.baddbmm(intercept, hidden, output)[..., 0]
                losses = loss_of(logits, labels[rows].expand(m, -1)).mean(1)
                adam.zero_grad(set_to_none=True)
                losses.sum().backward()
                adam.step()
                total += losses.detach() * len(rows)
        return np.asarray((total / config.examples).numpy())

    return call


WAYS: dict[str, Callable[[Batch, Config], Call]] = {
    ONE: partial(at_once, shared_order=True),
    TWO: partial(at_once, shared_order=True),
    OWN: partial(at_once, shared_order=False),
    LOOP: partial(looped, by=plainly),
    LOOP_OWN: partial(looped, by=plainly, shared_order=False),
    STEPS: partial(looped, by=by_steps),
    FITS: fitted,
    TORCH: by_torch,
}
