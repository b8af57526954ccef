"""A process that trains on its devices, alone or with others, and writes what it found.

    python -m experiments.data_parallel.worker ANSWER CONFIG

CONFIG is a ``Config`` in JSON.  With a coordinator in it, the process is one of several, and their
mesh divides the state within each process and the batch over all.
"""

import functools
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from bcejax.calibration import state as streaming
from bcejax.commands.compilation import keep_programs
from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import Checkpoint, History, fit, init_state
from bcejax.training.loop import Loop
from bcejax.training.orders import key_words
from bcejax.training.passes import Data
from bcejax.training.program import Plan
from bcejax.training.sharding import on_host, place
from experiments.collectives import collectives_of
from experiments.data_parallel.found import Found
from experiments.data_parallel.setting import Config, Layout, layouts_of

OPTIMIZER = optax.sgd(0.1, momentum=0.9)


def mesh_of(layout: Layout) -> Mesh:
    """The first devices that there are, those of one process beside each other."""
    axes = {axis: n for axis, n in layout._asdict().items() if n}
    devices = np.array(jax.devices()[: layout.devices])
    return Mesh(devices.reshape(*axes.values()), tuple(axes))


class Study:
    """The data, the run on one device, and the same on meshes."""

    def __init__(self, config: Config) -> None:
        self._config = config
        rng = np.random.default_rng(config.seed)
        inputs = rng.standard_normal((config.examples, config.features), np.float32)
        labels = inputs @ rng.standard_normal(config.features) + rng.standard_normal(len(inputs))
        self._batch = Batch(inputs, (labels > 0).astype(np.float32))
        self._key = jax.random.key(config.seed)

    @functools.cached_property
    def _alone(self) -> tuple[MLP, History]:
        """The run on one device; after the first mesh, whose run may be killed and have no end."""
        return self._fit(None)

    def _model(self) -> MLP:
        config = self._config
        # Smooth: rounding can put a unit on the other side of relu's kink, which is no rounding.
        return MLP(config.features, config.hidden, nnx.tanh, rngs=nnx.Rngs(config.seed))

    def _fit(self, mesh: Mesh | None) -> tuple[MLP, History]:
        config, model = self._config, self._model()
        folder = config.checkpoint if mesh is not None else None
        history = fit(
            model,
            self._batch,
            optimizer=OPTIMIZER,
            epochs=config.epochs,
            batch_size=config.batch_size,
            key=self._key,
            checkpoint=Checkpoint(folder, every=1) if folder else None,
            mesh=mesh,
            progress=False,
        )
        return model, history

    def on(self, layout: Layout) -> Found:
        """Train on a mesh of the first devices."""
        mesh = mesh_of(layout)
        model, history = self._fit(mesh)
        one, expected = self._alone
        params, wanted = (jax.tree.leaves(nnx.state(each)) for each in (model, one))
        return Found(
            layout,
            jax.process_count(),
            int(history.epochs),
            sum(each.size for each in wanted),
            _off(params, wanted),
            _off(history.loss, expected.loss),
            float(history.loss[-1]),
            list(collectives_of(self._program(mesh))),
        )

    def _program(self, mesh: Mesh) -> str:
        """The compiled text of a call of what ``fit`` runs."""
        plan = Plan(self._config.batch_size, None, mesh)
        data = Data(place(self._batch, mesh), None)
        loop = Loop(init_state(self._model(), OPTIMIZER), data, key_words(self._key), plan)
        return str(loop.lowered().compile().as_text())

    def calibration(self, mesh: Mesh) -> float:
        """How far the state that ``psum`` adds up over devices is from that of one."""
        rows = P(mesh.axis_names)

        def summed(logits: jax.Array, labels: jax.Array) -> streaming.CalibrationState:
            return jax.lax.psum(_state(logits, labels), mesh.axis_names)

        split = jax.shard_map(
            summed, mesh=mesh, in_specs=(rows, rows), out_specs=P(), check_vma=False
        )
        logits = self._alone[0](self._batch.inputs)
        scores = np.asarray(logits), np.asarray(self._batch.labels)
        found, wanted = jax.jit(split)(*place(scores, mesh)), jax.jit(_state)(*scores)
        sums = [[on_host(p.high) + on_host(p.low) for p in state] for state in (found, wanted)]
        return _off(*sums) / max(float(np.abs(each).max()) for each in sums[1])


def _state(logits: jax.Array, labels: jax.Array) -> streaming.CalibrationState:
    return streaming.update(streaming.init(), labels, logits=logits)


def _off(one: Any, other: Any) -> float:
    """The largest difference of two trees."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    hosts = ((_whole(a), _whole(b)) for a, b in pairs)
    return float(np.max([np.abs(a.astype(np.float64) - b).max() for a, b in hosts]))


def _whole(array: Any) -> np.ndarray:
    return on_host(array) if isinstance(array, jax.Array) else np.asarray(array)


def _end_with_parent() -> None:
    """The parent holds the other end of stdin; when it is gone, so are we."""

    def watch() -> None:
        while os.read(0, 4096):  # not through sys.stdin, whose lock would outlive the process
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(answer: str, text: str) -> None:
    """Train, and leave what was found."""
    _end_with_parent()
    keep_programs()
    config = Config(**json.loads(text))
    found = _alone(config) if config.coordinator is None else [_together(config)]
    Path(answer).write_text(json.dumps([each._asdict() for each in found]))


def _alone(config: Config) -> list[Found]:
    """Each layout; the calibration state on the last."""
    study = Study(config)
    *others, last = layouts_of(config)
    found = [study.on(layout) for layout in others]
    return [*found, study.on(last)._replace(off_calibration=study.calibration(mesh_of(last)))]


def _together(config: Config) -> Found:
    """With the other processes."""
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(config.coordinator, config.processes, config.process_id)
    return Study(config).on(Layout(config.processes, jax.local_device_count()))


if __name__ == "__main__":
    main(*sys.argv[1:])
