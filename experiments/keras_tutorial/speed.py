"""Ten epochs of ``fit``, Keras's and ours by turns in one process."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import jax
import numpy as np
import optax

from bcejax.data import Batch
from bcejax.training import epoch_order, fit, init_state, train_epochs
from experiments import Claim, Result, Table, Track, Verdict
from experiments.keras_tutorial.peer import build_network, computing_in
from experiments.keras_tutorial.setting import Task
from experiments.timing import OURS, Times, race

CORE, BY_EPOCH = "bcejax, train_epochs", ", an epoch per execution"


def race_keras(keras: ModuleType, name: str, task: Task, everyone: Batch, track: Track) -> Result:
    """The contestants in float32, which both libraries compute in unless told otherwise."""
    with jax.enable_x64(False), computing_in(keras, "float32"):
        times = race(contestants(keras, name, task, everyone), track, turns=task.config.repeats)
    ratios = {way: each.median / times[OURS].median for way, each in times.items()}
    epochs = task.config.epochs
    claims = (Claim(f"time of {epochs} epochs, {name} over ours", ratios[name], ">=", 10, "times"),)
    answer = f"Once compiled, {name} takes {ratios[name]:.0f} times as long."
    details = (
        f"Once compiled, {epochs} epochs on {len(everyone.labels)} patients take "
        f"{1e3 * times[OURS].median:.1f} ms; Keras with an epoch per execution takes "
        f"{ratios[name + BY_EPOCH]:.0f} times as long.",
    )
    return Result(
        Verdict(claims, answer, details),
        tables=(_tabulate(times, ratios),),
    )


def contestants(
    keras: ModuleType, name: str, task: Task, everyone: Batch
) -> dict[str, Callable[[], object]]:
    """All epochs on all patients; each call goes on from the last."""
    c, model = task.config, task.network()
    optimizer = optax.adam(c.learning_rate)
    options: dict[str, Any] = {"epochs": c.epochs, "batch_size": c.batch_size}

    def ours() -> object:
        return fit(model, everyone, optimizer=optimizer, key=task.key, progress=False, **options)

    def theirs(steps_per_execution: int) -> Callable[[], object]:
        network = build_network(keras, task, steps_per_execution=steps_per_execution)
        return lambda: network.fit(everyone.inputs, everyone.labels, verbose=0, **options)

    state, orders = (
        init_state(model, optimizer),
        np.stack([epoch_order(task.key, e, len(everyone.labels)) for e in range(c.epochs)]),
    )

    def core() -> object:
        return jax.block_until_ready(train_epochs(state, everyone, orders, batch_size=c.batch_size))

    steps = -(-len(everyone.labels) // c.batch_size)
    return {OURS: ours, CORE: core, name: theirs(1), name + BY_EPOCH: theirs(steps)}


def _tabulate(times: Mapping[str, Times], ratios: Mapping[str, float]) -> Table:
    return Table(
        "speed",
        "All epochs on all patients, by turns in one process.",
        {
            "contestant": list(times),
            "first call (s)": [each.first for each in times.values()],
            "median (ms)": [1e3 * each.median for each in times.values()],
            "fastest (ms)": [1e3 * float(each.warm.min()) for each in times.values()],
            "median, over bcejax": list(ratios.values()),
        },
        formats={"median (ms)": ".1f", "fastest (ms)": ".1f", "median, over bcejax": ".1f"},
    )
