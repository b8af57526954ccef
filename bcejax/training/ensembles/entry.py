"""The door of ``fit_ensemble``: what differs from model to model, judged before anything runs."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jax.typing import ArrayLike

from bcejax.data import Batch
from bcejax.training.ensembles.members import AXIS, MakeOptimizer, rated
from bcejax.training.orders import key_words
from bcejax.training.sharding import check_context, is_key


def admit_mesh(mesh: Mesh | None, n_models: int) -> Mesh:
    """The devices on one axis, no more than there are models.

    None takes all of this process, or the one that ``jax.default_device`` names.

    Raises:
        TypeError: not a mesh.
        ValueError: ``jax.set_mesh`` has set another.
    """
    if not isinstance(mesh, Mesh | None):
        raise TypeError(f"mesh must be a jax.sharding.Mesh, got {mesh!r}")
    settings: Any = jax.config  # whose types differ between versions of JAX
    if mesh is not None:
        devices = mesh.devices.ravel()
    elif settings.jax_default_device is None:
        devices = np.array(jax.local_devices())
    else:
        devices = np.array(list(jnp.zeros(()).devices()))
    mesh = Mesh(devices[:n_models], (AXIS,))
    check_context(mesh)
    return mesh


def admit_key(
    key: ArrayLike, n_models: int, shared_order: bool
) -> tuple[jax.Array, list[list[int]]]:
    """The key, and the words of the keys of the orders: of one for all, or of each model.

    Raises:
        TypeError: ``key`` is not one key of ``jax.random``.
    """
    words = key_words(key)
    if isinstance(key, jax.Array) and is_key(key):
        known = key
    else:
        known = jax.random.wrap_key_data(jnp.asarray(key))
    return known, [words] if shared_order else np.asarray(_split_words(known, n_models)).tolist()


@functools.partial(jax.jit, static_argnums=1)
def _split_words(key: jax.Array, n_models: int) -> jax.Array:
    return jax.random.key_data(jax.random.split(key, n_models))


def admit_optimizer(
    optimizer: optax.GradientTransformation | MakeOptimizer,
    rates: ArrayLike | None,
    n_models: int,
) -> tuple[optax.GradientTransformation, np.ndarray | None]:
    """One optimizer for all models, and the learning rate of each, if they are given.

    Raises:
        TypeError: the optimizer is not a function of a learning rate although these are given.
        ValueError: the rates are not finite numbers >= 0, one for each model.
    """
    if rates is None:
        return optimizer, None
    if not callable(optimizer) or not isinstance(optimizer(1.0), optax.GradientTransformation):
        raise TypeError(
            "optimizer must be a function of a learning rate, such as optax.adam, where "
            f"learning_rates are given; got {optimizer!r}"
        )
    numbers = np.asarray(rates, np.float64)
    if numbers.shape != (n_models,):
        raise ValueError(
            f"learning_rates must be ({n_models},), one per model; got {numbers.shape}"
        )
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError(f"learning_rates must be finite and 0 or more, got {numbers.tolist()}")
    return rated(optimizer), numbers


def admit_weights(weights: ArrayLike, train: Batch, n_models: int) -> np.ndarray:
    """How much each example counts for each model, in the dtype of the inputs.

    Raises:
        TypeError: not numbers.
        ValueError: not (n_models, n), not finite numbers >= 0, or all 0 for one model; or the
            batch has weights, too.
    """
    if train.weights is not None:
        raise ValueError("weights and the weights of train are both given; pass their product")
    array = np.asarray(weights)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"weights must be numbers, got {array.dtype}")
    shape = n_models, len(train.labels)
    if array.shape != shape:
        raise ValueError(f"weights must be {shape}, a row for each model; got {array.shape}")
    array = array.astype(train.inputs.dtype)
    wrong = np.argwhere(~(np.isfinite(array) & (array >= 0)))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"weights must be finite and 0 or more; model {row}, example {column} has "
            f"{array[row, column]}"
        )
    silent = np.flatnonzero(array.max(axis=1) == 0)
    if len(silent):
        raise ValueError(f"weights of model {silent[0]} are all 0: nothing counts for it")
    return array
