"""Ways to train the networks that race: at once, in a loop, and by torch.

Each is a function that trains all of them from the start and gives back the mean loss of each in
the last epoch.  The loop is one compiled program for start and training, called for every network
before the first is waited for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import numpy as np
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.numerics import require
from bcejax.training import epoch_order, fit, init_state, train_epochs
from bcejax.training.ensembles import fit_ensemble
from experiments.ensembles.settings import BATCH, COLUMNS, HIDDEN, RATE, Config

Call: TypeAlias = Callable[[], np.ndarray]

ONE, TWO, OWN = "bcejax", "bcejax, two devices", "bcejax, own orders"
LOOP, FLIGHT, LOOP_OWN = "compiled loop", "compiled loop, in flight", "compiled loop, own orders"
FITS = "loop of fit"
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


def looped(
    batch: Batch, config: Config, *, shared_order: bool = True, in_flight: bool = False
) -> Call:
    """The same networks in the same orders, one after the other."""
    on_device = jax.device_put(batch)

    @jax.jit
    def train(key: jax.Array, order: np.ndarray, batch: Batch) -> jax.Array:
        state = init_state(make_model(nnx.Rngs(key)))
        return train_epochs(state, batch, order, batch_size=BATCH)[1].loss[-1]

    def order_of(key: jax.Array) -> np.ndarray:
        return np.stack([epoch_order(key, e, config.examples) for e in range(config.laps)])

    def call() -> np.ndarray:
        key = jax.random.key(config.seed)
        keys = list(jax.random.split(key, config.raced))
        order = order_of(key)
        losses = []
        for each in keys:
            loss = train(each, order if shared_order else order_of(each), on_device)
            losses.append(loss if in_flight else float(loss))
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
    LOOP: looped,
    FLIGHT: partial(looped, in_flight=True),
    LOOP_OWN: partial(looped, shared_order=False),
    FITS: fitted,
    TORCH: by_torch,
}
