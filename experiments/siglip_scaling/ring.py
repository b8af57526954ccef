"""The loss on a ring of devices against the same on one: equality, and what is sent."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from bcejax.losses.contrastive import sigmoid_contrastive
from experiments.collectives import collectives_of
from experiments.device import simulated
from experiments.siglip_scaling.settings import Config, draw
from experiments.siglip_scaling.turns import apart

PERMUTE = "collective-permute"


class Ring(NamedTuple):
    """What the compiled program of loss and gradients sends, and how near it comes."""

    devices: int
    off: float  # from one device, each array's difference relative to its norm
    permutes: int  # operations, each of which is run once in a hop
    sent: int  # bytes by each device in all hops
    expected: int  # texts and the sums for them, once to each other device
    gathers: int  # operations that gather, which there must not be
    temporaries: int  # bytes of each device


def rings(config: Config) -> list[Ring]:
    """All of them, in a process that has as many devices as the largest."""
    context = get_context("spawn")
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=_simulate, initargs=(max(config.devices),)
    ) as worker:
        return worker.submit(_rings, config).result()


def _simulate(devices: int) -> None:
    """Before JAX looks for devices."""
    os.environ |= simulated(devices)
    jax.config.update("jax_platforms", "cpu")  # JAX may have read the environment by now


def _rings(config: Config) -> list[Ring]:
    pairs = draw(config.spread, config.size, config.seed)
    alone = _flat(jax.jit(_with_gradients(sigmoid_contrastive))(*pairs))
    return [_ring(devices, pairs, alone) for devices in config.devices]


def _with_gradients(loss):  # type: ignore[no-untyped-def]
    return jax.value_and_grad(loss, (0, 1, 2, 3))


def _flat(answer: object) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(each) for each in jax.tree.leaves(answer))


def _ring(devices: int, pairs, alone) -> Ring:  # type: ignore[no-untyped-def]
    mesh = Mesh(np.array(jax.devices()[:devices]), ("ring",))
    loss = jax.shard_map(
        partial(sigmoid_contrastive, axis_name="ring"),
        mesh=mesh,
        in_specs=(P("ring"), P("ring"), P(), P()),
        out_specs=P(),
    )
    program = jax.jit(_with_gradients(loss)).lower(*pairs).compile()
    there = jax.device_put(tuple(pairs), program.input_shardings[0])
    found = list(collectives_of(program.as_text() or ""))
    memory = program.memory_analysis()
    assert memory
    permutes = [each for each in found if each.kind == PERMUTE]
    hops = devices - 1
    return Ring(
        devices,
        apart(_flat(program(*there)), alone),
        len(permutes),
        hops * sum(each.size for each in permutes),
        hops * 2 * pairs.texts.nbytes // devices,
        sum(each.kind == "all-gather" for each in found),
        memory.temp_size_in_bytes,
    )
