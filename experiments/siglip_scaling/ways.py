"""Loss and all gradients by each library, as its users write it."""

import shutil
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

from experiments.siglip_scaling.settings import COMPILED, TORCH, Config, Pairs
from experiments.versions import version_of

Answer: TypeAlias = tuple[Any, ...]  # the loss, its gradients in images, texts, scale and bias


class Way(NamedTuple):
    """A call to make, and what XLA says that it takes beside arguments and results, in bytes."""

    call: Callable[[], Answer]
    temporaries: int | None


def ways_here(config: Config) -> tuple[str, ...]:
    """Those that are asked for, torch where it is installed, compiled where it can be."""
    torch = version_of("torch") is not None
    missing = {TORCH: not torch, COMPILED: not torch or shutil.which("g++") is None}
    return tuple(way for way in config.ways if not missing.get(way))


def way_of(name: str, pairs: Pairs) -> Way:
    """One of the ways, compiled where it is compiled."""
    return _of_torch(name, pairs) if name in {TORCH, COMPILED} else _of_jax(name, pairs)


def _of_jax(name: str, pairs: Pairs) -> Way:
    # a process of torch goes without JAX
    jax, losses = import_module("jax"), import_module("experiments.siglip_scaling.jax_losses")
    arguments = jax.device_put(tuple(pairs))
    loss = losses.LOSSES[name]
    program = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3))).lower(*arguments).compile()

    def call() -> Answer:
        value, gradients = jax.block_until_ready(program(*arguments))
        return value, *gradients

    return Way(call, program.memory_analysis().temp_size_in_bytes)


def _of_torch(name: str, pairs: Pairs) -> Way:
    """As open_clip writes it on one device."""
    torch = import_module("torch")
    log_sigmoid = import_module("torch.nn.functional").logsigmoid
    params = [torch.tensor(each, requires_grad=True) for each in pairs]

    def loss(u: Any, v: Any, a: Any, b: Any) -> Any:
        logits = a * (u @ v.T) + b
        signs = 2 * torch.eye(len(u)) - 1
        return -log_sigmoid(signs * logits).sum() / len(u)

    program = torch.compile(loss, dynamic=False) if name == COMPILED else loss

    def call() -> Answer:
        value = program(*params)
        return value.detach(), *torch.autograd.grad(value, params)

    return Way(call, None)
