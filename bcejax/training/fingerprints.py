"""What a run is made of, in few words: two runs with one fingerprint take the same steps.

Data are told apart by their bytes, the key by the first order that it draws, and model,
optimizer, loss, batch size and early stopping by the text of the program that they compile to,
in which each constant stands, the learning rate too.
"""

import hashlib
from typing import TypeAlias

import jax
import numpy as np

from bcejax.data import Batch
from bcejax.data.shards import ShardSet
from bcejax.training.program import Plan, Run

Examples: TypeAlias = Batch | ShardSet
Fingerprint: TypeAlias = dict[str, str | int | None]


def fingerprint(
    run: Run,
    train: Examples,
    validation: Examples | None,
    plan: Plan,
    key: str,
    program: jax.stages.Lowered,
) -> Fingerprint:
    """What a checkpoint must agree with, part by part, the plainest part first.

    Args:
        run: before its first epoch.
        train: what is learnt from.
        validation: what it is judged on.
        plan: what is compiled in.
        key: a digest of the first order, which stands for the key and for NumPy's way of drawing.
        program: what is compiled.
    """
    params = jax.tree.leaves_with_path(run.state.params)
    shapes = [f"{jax.tree_util.keystr(path)} {a.shape} {a.dtype}" for path, a in params]
    size = sum(a.size for _, a in params)
    return {
        "model": f"{size} parameters ({digest(*shapes)})",
        "training set": digest_set(train),
        "validation set": digest_set(validation),
        "batch_size": plan.batch_size,
        "early_stopping": repr(plan.early_stopping),
        "key": key,
        "jax": jax.__version__,
        "program of model, optimizer and loss": digest(program.as_text()),
    }


def digest_set(examples: Examples | None) -> str | None:
    """How many examples, and a digest of their shapes and bytes, or of what files say of them."""
    if examples is None:
        return None
    if isinstance(examples, ShardSet):
        files = [f"{each.path.name} {each.size} {each.blocks}" for each in examples.shards]
        return f"{examples.rows} examples ({digest(*files, *examples.columns)})"
    arrays = [np.asarray(a) for a in examples if a is not None]
    shapes = [str(a.shape) for a in arrays]
    return f"{len(arrays[0])} examples ({digest(*shapes, *arrays)})"


def digest(*parts: str | np.ndarray) -> str:
    """Twelve hexadecimal digits for texts and the bytes of arrays."""
    total = hashlib.blake2b(digest_size=6)
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data)
    return total.hexdigest()
