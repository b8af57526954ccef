"""Keras itself, where it is installed and runs on JAX."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from bcejax.numerics import require
from experiments.keras_tutorial.setting import Course, Task, flatten, layers_of


def find_keras() -> tuple[ModuleType | None, str]:
    """Keras on JAX and its name with the version; or None and why not."""
    if importlib.util.find_spec("keras") is None:
        return None, "Keras is not installed"
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "jax"  # Keras asks once, while it is imported
    keras = require("keras", extra="peers", purpose="running the tutorial")
    backend = keras.backend.backend()
    if backend != "jax":
        return None, f"Keras was already loaded with the {backend} backend"
    return keras, f"Keras {keras.__version__}"


def build_network(keras: ModuleType, task: Task, *, steps_per_execution: int = 1) -> Any:
    """The tutorial's model with the first weights of ``task``."""
    network = keras.Sequential(
        [
            keras.layers.Input((task.parts.train.inputs.shape[1],)),
            keras.layers.Dense(task.config.hidden, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.Adam(learning_rate=task.config.learning_rate),
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    network.set_weights([array for pair in layers_of(task.network()) for array in pair])
    return network


def train_keras(keras: ModuleType, task: Task, orders: np.ndarray, dtype: str) -> Course:
    """The course of Keras's training, an epoch at a time through the same batches."""
    train, validation = task.rounded(dtype)
    rows = []
    with computing_in(keras, dtype):
        network = build_network(keras, task)
        for order in orders:
            history = network.fit(
                train.inputs[order],
                train.labels[order],
                batch_size=task.config.batch_size,
                shuffle=False,
                validation_data=(validation.inputs, validation.labels),
                verbose=0,
            ).history
            weights = flatten(network.get_weights())
            rows.append((history["loss"][0], history["val_loss"][0], weights))
    return Course(*(np.array(column) for column in zip(*rows, strict=True)))


@contextmanager
def computing_in(keras: ModuleType, dtype: str) -> Iterator[None]:
    """Keras's precision inside the ``with``; it is a setting of the process."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
