"""Value and all gradients of a linear head by each library, as its users write it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from experiments.memory_of_fusion.setting import OPTAX, TORCH, WHOLE, Problem
from experiments.timing import OURS
from experiments.versions import version_of

Answer: TypeAlias = tuple[Any, Any, Any, Any]  # value, gradients in features, kernel and bias


class Way(NamedTuple):
    """A call to make, the memory of its labels, and what XLA says of it, in bytes."""

    call: Callable[[], Answer]
    labels: int
    temporaries: int | None
    outputs: int | None


def way_of(name: str, problem: Problem, chunk: int) -> Way:
    """One of the ways, compiled where it is compiled."""
    return _of_torch(problem) if name == TORCH else _of_jax(name, problem, chunk)


def ways_here() -> tuple[str, ...]:
    """Ours first; torch where it is installed."""
    return OURS, WHOLE, OPTAX, *([TORCH] if version_of("torch") else [])


def _of_jax(name: str, problem: Problem, chunk: int) -> Way:
    # a process of torch goes without JAX
    jax, losses = import_module("jax"), import_module("experiments.memory_of_fusion.jax_losses")
    labels = problem.places if name == OURS else problem.labels()
    loss = losses.LOSSES[name](chunk)
    arguments = [jax.device_put(each) for each in (*problem[:3], labels)]
    program = jax.jit(jax.value_and_grad(loss, (0, 1, 2))).lower(*arguments).compile()
    memory = program.memory_analysis()

    def call() -> Answer:
        value, gradients = jax.block_until_ready(program(*arguments))
        return value, *gradients

    return Way(call, labels.nbytes, memory.temp_size_in_bytes, memory.output_size_in_bytes)


def _of_torch(problem: Problem) -> Way:
    torch = import_module("torch")
    functional = import_module("torch.nn.functional")
    features, kernel, bias, labels = map(
        torch.from_numpy,
        # the layout of torch.nn.Linear
        (problem.features, np.ascontiguousarray(problem.kernel.T), problem.bias, problem.labels()),
    )
    params = [each.requires_grad_() for each in (features, kernel, bias)]

    def call() -> Answer:
        logits = functional.linear(features, kernel, bias)
        value = functional.binary_cross_entropy_with_logits(logits, labels)
        in_features, in_kernel, in_bias = torch.autograd.grad(value, params)
        return value.detach(), in_features, in_kernel.T, in_bias

    return Way(call, labels.nbytes, None, None)
