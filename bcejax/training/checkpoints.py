"""Checkpoints: a run that is killed and called again equals the one that was not, bit for bit.

All that the next epoch depends on is one pytree, ``Run``, besides the data and the key; a
checkpoint holds that tree, the figures so far, and a fingerprint of everything else: the data,
the key's first order, and the text of the compiled program, in which model, optimizer, loss,
batch size and early stopping stand.  A checkpoint whose fingerprint differs is refused.

Orbax writes each checkpoint into a folder of another name and renames it at the end, so that a
half-written one does not count; what is no longer kept is renamed first and then deleted, so that a
half-deleted one does not either.

Where several processes train together, all put the arrays together one by one, the first writes
them, and Orbax makes the others wait; all read the same folder when they go on.  Whole arrays are
what any mesh can go on from, and one device too: Orbax could also let each process write its own
parts, but would bind the checkpoint to the mesh or need to be told the next one.  The price is the
state in the memory of each process, and at any time one array of it on each device.
"""

import dataclasses
import importlib
import os
import shutil
import sys
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.numerics.options import check_count
from bcejax.training.fingerprints import Fingerprint
from bcejax.training.records import Figures
from bcejax.training.sharding import is_key, on_host

Tree = TypeVar("Tree")

_REMOVED = "removed"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Where and how often to write checkpoints.

    Attributes:
        directory: of this one fit; made if missing.  A fit called with the arguments of a
            former one goes on where that one stopped; more ``epochs`` continue it.
            What a model starts from is not compared: another start needs another folder.
        every: epochs from one checkpoint to the next; None writes so often that writing takes
            a twentieth of the time.  The last epoch is always written.
        keep: how many checkpoints to keep, the newest.

    Raises:
        ValueError: ``every`` or ``keep`` is below 1.
        TypeError: ``every`` or ``keep`` is not an integer, or ``directory`` not a path.

    Example:
        >>> Checkpoint("runs/pima", every=100).keep
        1
    """

    directory: str | os.PathLike[str]
    every: int | None = None
    keep: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.directory, str | os.PathLike):
            raise TypeError(f"checkpoint must be a path or a Checkpoint, got {self.directory!r}")
        if self.every is not None:
            check_count("every", self.every)
        check_count("keep", self.keep)


class Store:
    """The checkpoints of one run, in one folder."""

    def __init__(self, checkpoint: Checkpoint, fingerprint: Fingerprint) -> None:
        # Not at the top: it costs as much as importing jax, and few fits need it.
        ocp = importlib.import_module("orbax.checkpoint")
        self._ocp = ocp
        self._config = checkpoint
        self._fingerprint = fingerprint
        directory = Path(checkpoint.directory).expanduser().absolute()
        if directory.exists() and not directory.is_dir():
            raise ValueError(f"checkpoint {os.fspath(checkpoint.directory)!r} is not a directory")
        # Not in the background: the next epoch consumes the arrays that are being written.
        options = ocp.CheckpointManagerOptions(
            max_to_keep=checkpoint.keep,
            create=True,
            enable_async_checkpointing=False,
            todelete_subdir=_REMOVED,
            cleanup_tmp_directories=True,  # Orbax warns of each half-written one that it finds
        )
        self._removed = directory / _REMOVED
        self._remove()
        self._manager = ocp.CheckpointManager(directory, options=options)
        self._due = monotonic() + 1.0

    def load(self, like: Tree) -> tuple[Tree, Figures] | None:
        """The newest checkpoint, shaped like ``like``; None if there is none.

        Raises:
            ValueError: it is of another fit.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        args = self._ocp.args
        self._compare(self._read(step, about=args.JsonRestore()).about)
        arrays = self._read(step, arrays=args.StandardRestore()).arrays
        figures = (arrays["figures"].get(field) for field in Figures._fields)
        return _from_leaves(arrays["run"], like), Figures(*figures)

    def _read(self, step: int, **items: Any) -> Any:
        try:
            return self._manager.restore(step, args=self._ocp.args.Composite(**items))
        except (KeyError, OSError, ValueError) as error:
            where = os.fspath(self._config.directory)
            raise ValueError(f"checkpoint {where!r}, number {step}, cannot be read") from error

    def until_next(self, done: int) -> int:
        """Epochs from ``done`` to the next checkpoint, or a visit if the clock decides."""
        every = self._config.every
        return sys.maxsize if every is None else every - done % every

    def due(self, done: int) -> bool:
        """Whether it is time to write, after ``done`` epochs."""
        every = self._config.every
        return monotonic() >= self._due if every is None else done % every == 0

    def write(self, done: int, run: Any, figures: Figures) -> None:
        """Write a checkpoint, unless there is one of this number or nothing is done yet."""
        if done in (0, self._manager.latest_step()):
            return
        start = monotonic()
        columns = {f: c for f, c in figures._asdict().items() if c is not None}
        args = self._ocp.args
        self._manager.save(
            done,
            args=args.Composite(
                arrays=args.StandardSave({"run": _to_leaves(run), "figures": columns}),
                about=args.JsonSave(self._fingerprint),
            ),
            force=True,
        )
        self._remove()
        end = monotonic()
        self._due = end + 20 * (end - start)

    def _remove(self) -> None:
        """Delete what is no longer kept, also where a killed run had begun to."""
        if jax.process_index() == 0 and self._removed.exists():
            shutil.rmtree(self._removed)

    def close(self) -> None:
        """Let the folder go."""
        self._manager.close()

    def _compare(self, saved: Fingerprint) -> None:
        for part, now in self._fingerprint.items():
            if saved.get(part) != now:
                raise ValueError(
                    f"checkpoint {os.fspath(self._config.directory)!r} is of another fit: "
                    f"{part} was {saved.get(part)}, now {now}; name another directory"
                )


def _to_leaves(run: Any) -> dict[str, np.ndarray]:
    """The arrays of a run by number; random keys as their words."""
    plain = (jax.random.key_data(a) if is_key(a) else a for a in jax.tree.leaves(run))
    return {str(i): on_host(a) for i, a in enumerate(plain)}


def _from_leaves(leaves: dict[str, np.ndarray], run: Tree) -> Tree:
    """The inverse of ``_to_leaves``; the arrays are fresh copies, so they may be donated."""
    old, tree = jax.tree.flatten(run)
    new = [
        jax.random.wrap_key_data(jnp.array(leaves[str(i)]), impl=jax.random.key_impl(a))
        if is_key(a)
        else jnp.array(leaves[str(i)])
        for i, a in enumerate(old)
    ]
    return jax.tree.unflatten(tree, new)
