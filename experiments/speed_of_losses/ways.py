"""The mean loss and its derivatives, by each library as its users would write it."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import expit

from bcejax.losses import bce_with_logits
from bcejax.numerics import require
from experiments.keras_tutorial.peer import find_keras
from experiments.speed_of_losses.setting import (
    BOTH,
    GRADIENT,
    HESSIAN,
    OPTAX,
    VALUE,
    Call,
    Data,
    Way,
)
from experiments.timing import OURS

Loss = Callable[[jax.Array, jax.Array], jax.Array]  # logits and labels (n,) to losses (n,)


def ways_of_libraries(data: Data, accuracy: tuple[str, ...]) -> tuple[dict[str, Way], list[str]]:
    """Each library's name and way, and why some are left out."""
    ways = {_name(each): in_jax(our_loss(each), data) for each in accuracy}
    ways[OPTAX] = in_jax(optax.sigmoid_binary_cross_entropy, data)
    missing = []
    keras, name = find_keras()
    if keras is None:
        missing.append(name)
    else:
        ways[name] = in_jax(partial(_keras_loss, keras), data)
    if importlib.util.find_spec("torch") is None:
        missing.append("torch is not installed")
    else:
        torch = require("torch", extra="peers", purpose="timing its losses")
        ways[f"torch {torch.__version__.partition('+')[0]} eager"] = in_torch(torch, data)
    ways["NumPy and SciPy"] = in_numpy(data)
    return ways, missing


def _name(accuracy: str) -> str:
    return OURS if accuracy == "default" else f"{OURS}, {accuracy}"


def our_loss(accuracy: str) -> Loss:
    """Our loss at an accuracy, "default" or a name that ``bce_with_logits`` knows."""
    options: dict[str, Any] = {} if accuracy == "default" else {"accuracy": accuracy}
    return partial(bce_with_logits, **options)


def _keras_loss(keras: ModuleType, logits: jax.Array, labels: jax.Array) -> jax.Array:
    losses: jax.Array = keras.ops.binary_crossentropy(labels, logits, from_logits=True)
    return losses


def in_jax(loss: Loss, data: Data) -> Way:
    """The four quantities of a loss in JAX, each compiled; each call waits for the end."""

    def mean(logits: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.mean(loss(logits, labels))

    def curvature(logits: jax.Array, labels: jax.Array) -> jax.Array:
        slope = jax.grad(lambda logits: jnp.sum(loss(logits, labels)))
        return jax.jvp(slope, (logits,), (jnp.ones_like(logits),))[1]

    forms: dict[str, Callable[..., Any]] = {
        VALUE: mean,
        BOTH: jax.value_and_grad(mean),
        GRADIENT: jax.grad(mean),
        HESSIAN: curvature,
    }
    return {what: partial(_finish, jax.jit(form), *data.on_device) for what, form in forms.items()}


def _finish(compiled: Callable[..., Any], *arguments: jax.Array) -> Any:
    return jax.block_until_ready(compiled(*arguments))


def in_torch(torch: ModuleType, data: Data) -> Way:
    """torch without compilation, at whichever number of threads is the faster here."""
    logits, labels = torch.from_numpy(data.logits), torch.from_numpy(data.labels)
    followed = logits.detach().requires_grad_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits

    def value() -> object:
        with torch.no_grad():
            return loss(logits, labels).item()

    def value_and_gradient() -> object:
        mean = loss(followed, labels)
        return mean.item(), torch.autograd.grad(mean, followed)[0].numpy()

    count = _fastest(torch, value_and_gradient)
    calls = {VALUE: value, BOTH: value_and_gradient}
    return {what: partial(_with_threads, torch, count, call) for what, call in calls.items()}


def _fastest(torch: ModuleType, call: Call) -> int:
    """The number of threads, one or all, with which the third call ends sooner."""
    seconds = {}
    for count in (1, torch.get_num_threads()):
        for _ in range(3):
            start = time.perf_counter()
            _with_threads(torch, count, call)
            seconds[count] = time.perf_counter() - start
    return min(seconds, key=lambda count: seconds[count])


def _with_threads(torch: ModuleType, count: int, call: Call) -> object:
    with _threads(torch, count):
        return call()


@contextmanager
def _threads(torch: ModuleType, count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_numpy(data: Data) -> Way:
    """The stable forms in NumPy, with SciPy's logistic function, on one thread."""
    x, y = data.logits, data.labels

    def value() -> object:
        return np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))

    def gradient() -> np.ndarray:
        return (expit(x) - y) / np.float32(x.size)

    def hessian() -> object:
        probs = expit(x)
        return probs * (1 - probs)

    return {
        VALUE: value,
        BOTH: lambda: (value(), gradient()),
        GRADIENT: gradient,
        HESSIAN: hessian,
    }
