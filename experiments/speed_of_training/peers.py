"""Other libraries' ways to train the network, each as its users write it."""

import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bcejax.numerics import require
from experiments.speed_of_training.setting import RATE, Data, Task
from experiments.speed_of_training.ways import Way, batches, mean_over

KERAS, KERAS_EPOCH = "keras.fit, JAX", "keras.fit, JAX, 24 steps per execution"
KERAS_TORCH = "keras.fit, torch"
TORCH, FUSED, COMPILED = "torch, plain Adam", "torch, fused Adam", "torch.compile, fused Adam"
SKLEARN = "MLPClassifier"


class Peer(NamedTuple):
    """What a way needs, and how it is made."""

    package: str
    make: Callable[[Task, Data], Way]


def by_keras(task: Task, data: Data, *, backend: str, steps: int = 1) -> Way:
    """The tutorial's model; the course is one epoch a call, so that the order is ours."""
    os.environ["KERAS_BACKEND"] = backend  # Keras asks once, while it is imported
    keras = require("keras", extra="peers", purpose="a way to race against")
    network = keras.Sequential(
        [
            keras.layers.Input((task.columns,)),
            keras.layers.Dense(task.hidden, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.Adam(learning_rate=RATE),
        steps_per_execution=steps,
    )
    network.set_weights([array for layer in data.layers for array in layer])
    network.optimizer.build(network.trainable_variables)
    memory = [np.array(each) for each in network.optimizer.variables]

    def fit(rows: np.ndarray | slice, **options: Any) -> float:
        run = network.fit(
            data.inputs[rows], data.labels[rows], batch_size=task.batch, verbose=0, **options
        )
        return float(run.history["loss"][-1])

    def course() -> np.ndarray:
        network.set_weights([array for layer in data.layers for array in layer])
        for variable, first in zip(network.optimizer.variables, memory, strict=True):
            variable.assign(first)
        return np.array([fit(order, epochs=1, shuffle=False) for order in data.orders])

    return Way(lambda: fit(slice(None), epochs=task.epochs), course)


def by_torch(task: Task, data: Data, *, fused: bool, compiled: bool = False) -> Way:
    """A loop over batches; the losses are read once an epoch."""
    torch = require("torch", extra="peers", purpose="a way to race against")
    torch.set_num_threads(1 if task.examples * task.hidden < 10**6 else 2)  # the faster one
    inputs, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
    loss_of = torch.nn.BCEWithLogitsLoss()
    network = torch.nn.Sequential(
        torch.nn.Linear(task.columns, task.hidden), torch.nn.ReLU(), torch.nn.Linear(task.hidden, 1)
    )
    forward = torch.compile(network) if compiled else network

    def start() -> None:
        with torch.no_grad():
            for layer, (kernel, bias) in zip((network[0], network[2]), data.layers, strict=True):
                layer.weight.copy_(torch.from_numpy(kernel.T))
                layer.bias.copy_(torch.from_numpy(bias))

    def train() -> np.ndarray:
        start()
        adam = torch.optim.Adam(network.parameters(), lr=RATE, fused=fused or None)
        course = []
        for order in data.orders:
            rows, losses = batches(task, data, order), []
            for each in map(torch.from_numpy, rows):
                adam.zero_grad(set_to_none=True)
                loss = loss_of(forward(inputs[each])[:, 0], labels[each])
                loss.backward()
                adam.step()
                losses.append(loss.detach())
            course.append(mean_over(losses, rows))
        return np.array(course)

    return Way(train, train)


def by_sklearn(task: Task, data: Data) -> Way:
    """Its fit on one thread, as long as it is told; the course by epochs from our parameters."""
    module = require("sklearn.neural_network", extra="peers", purpose="a way to race against")
    limits = require("threadpoolctl", extra="peers", purpose="one thread").threadpool_limits
    options = {"batch_size": task.batch, "alpha": 0.0, "learning_rate_init": RATE}

    def make(**more: Any) -> Any:
        return module.MLPClassifier((task.hidden,), **options, **more)

    def train() -> object:
        with limits(1 if task.examples * task.hidden < 10**6 else None), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it did not converge
            net = make(max_iter=task.epochs, n_iter_no_change=task.epochs + 1)
            return net.fit(data.inputs, data.labels)

    def course() -> np.ndarray:
        first = data.inputs[: task.batch], data.labels[: task.batch]
        net = make(shuffle=False).partial_fit(*first, classes=[0, 1])
        for kernel, bias, layer in zip(net.coefs_, net.intercepts_, data.layers, strict=True):
            kernel[...], bias[...] = layer
        del net._optimizer  # the next epoch makes one afresh
        course = []
        for order in data.orders:
            net.partial_fit(data.inputs[order], data.labels[order])
            course.append(net.loss_)
        return np.array(course)

    return Way(train, course)


PEERS = {
    KERAS: Peer("keras", partial(by_keras, backend="jax")),
    KERAS_EPOCH: Peer("keras", partial(by_keras, backend="jax", steps=24)),
    KERAS_TORCH: Peer("keras", partial(by_keras, backend="torch")),
    TORCH: Peer("torch", partial(by_torch, fused=False)),
    FUSED: Peer("torch", partial(by_torch, fused=True)),
    COMPILED: Peer("torch", partial(by_torch, fused=True, compiled=True)),
    SKLEARN: Peer("scikit-learn", by_sklearn),
}
