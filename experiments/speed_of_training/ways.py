"""Ways to train the network: ours, plain JAX and Flax, and the products of matrices alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import fit
from experiments.speed_of_training.setting import RATE, Data, Task
from experiments.timing import OURS

BARE, FLAX, PRODUCTS = "jax.jit, a loop of steps", "nnx.jit, a loop of steps", "products alone"
ADAM = optax.adam(RATE)


class Way(NamedTuple):
    """What is timed, and the course from the first parameters in the given orders."""

    train: Callable[[], object]
    course: Callable[[], np.ndarray]  # (epochs,) mean losses, each taken before its step


def network(task: Task, data: Data) -> MLP:
    """With the first parameters."""
    model = MLP(task.columns, (task.hidden,), rngs=nnx.Rngs(0))
    layers: list[Any] = [*model.hidden, model.output]
    for layer, (kernel, bias) in zip(layers, data.layers, strict=True):
        layer.kernel[...], layer.bias[...] = jnp.asarray(kernel), jnp.asarray(bias)
    return model


def by_fit(task: Task, data: Data) -> Way:
    """As one writes it; each call goes on from the last."""
    batch, model = Batch(data.inputs, data.labels), network(task, data)

    def train(model: MLP = model) -> np.ndarray:
        history = fit(
            model,
            batch,
            optimizer=ADAM,
            epochs=task.epochs,
            batch_size=task.batch,
            key=data.key,
            progress=False,
        )
        return np.asarray(history.loss)

    return Way(train, lambda: train(network(task, data)))


def batches(task: Task, data: Data, order: np.ndarray) -> list[np.ndarray]:
    """The rows of each step of an epoch."""
    return np.split(order, range(task.batch, len(order), task.batch))


def mean_over(losses: list[jax.Array], rows: list[np.ndarray]) -> float:
    """Of an epoch, each batch counted by its size."""
    return float(np.average(np.array(losses), weights=[len(each) for each in rows]))


def by_step(task: Task, data: Data) -> Way:
    """One compiled step of plain functions; batches are cut on the host, losses read by epoch."""

    def loss_of(params: list[jax.Array], inputs: jax.Array, labels: jax.Array) -> jax.Array:
        kernel, bias, output, intercept = params
        logits = jax.nn.relu(inputs @ kernel + bias) @ output + intercept
        return optax.sigmoid_binary_cross_entropy(logits[:, 0], labels).mean()

    @jax.jit
    def step(params, memory, inputs, labels):  # type: ignore[no-untyped-def]
        loss, gradient = jax.value_and_grad(loss_of)(params, inputs, labels)
        updates, memory = ADAM.update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory, loss

    def train() -> np.ndarray:
        params = [jnp.asarray(array) for layer in data.layers for array in layer]
        memory = ADAM.init(params)
        course = []
        for order in data.orders:
            rows, losses = batches(task, data, order), []
            for each in rows:
                params, memory, loss = step(params, memory, data.inputs[each], data.labels[each])
                losses.append(loss)
            course.append(mean_over(losses, rows))
        return np.array(course)

    return Way(train, train)


def by_flax(task: Task, data: Data) -> Way:
    """Flax's own loop: a module and an optimizer, changed in place."""

    @nnx.jit
    def step(model, optimizer, inputs, labels):  # type: ignore[no-untyped-def]
        loss, gradient = nnx.value_and_grad(
            lambda m: optax.sigmoid_binary_cross_entropy(m(inputs), labels).mean()
        )(model)
        optimizer.update(model, gradient)
        return loss

    def train() -> np.ndarray:
        model = network(task, data)
        optimizer = nnx.Optimizer(model, ADAM, wrt=nnx.Param)
        course = []
        for order in data.orders:
            rows = batches(task, data, order)
            losses = [step(model, optimizer, data.inputs[r], data.labels[r]) for r in rows]
            course.append(mean_over(losses, rows))
        return np.array(course)

    return Way(train, train)


def products_alone(task: Task, data: Data) -> Way:
    """Of each step the forward product and the kernel's gradient, in one program; no course."""
    cut = task.examples - task.examples % task.batch
    inputs = jax.device_put(data.inputs[:cut].reshape(-1, task.batch, task.columns))
    kernel = jnp.asarray(data.layers[0][0])

    @jax.jit
    def run(kernel: jax.Array, inputs: jax.Array) -> jax.Array:
        def step(kernel: jax.Array, rows: jax.Array) -> tuple[jax.Array, None]:
            return 1e-6 * (rows.T @ (rows @ kernel)), None

        return lax.fori_loop(
            0, task.epochs, lambda _, kernel: lax.scan(step, kernel, inputs)[0], kernel
        )

    return Way(
        lambda: run(kernel, inputs).block_until_ready(), lambda: np.full(task.epochs, np.nan)
    )


WAYS: dict[str, Callable[[Task, Data], Way]] = {
    OURS: by_fit,
    BARE: by_step,
    FLAX: by_flax,
    PRODUCTS: products_alone,
}
