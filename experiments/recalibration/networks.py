"""A network trained too long, and what it says of examples that it has not seen."""

from typing import NamedTuple, TypeVar

import jax
import numpy as np
from flax import nnx

from bcejax.data import Batch, draw_logistic, load_spambase, split, standardize
from bcejax.models import MLP
from bcejax.training import fit
from experiments.recalibration.candidates import Unseen
from experiments.recalibration.settings import Config

Tree = TypeVar("Tree", Batch, Unseen)


class Known(NamedTuple):
    """Judgements of examples, some of known true probability."""

    calibrating: Unseen
    judged: Unseen
    truth: np.ndarray  # (n,) of those to judge by


def judge_spambase(config: Config) -> Unseen:
    """One half of the e-mails by a network that learnt from the other."""
    (train, unseen), _ = standardize(split(load_spambase().batch, validation=0.5, seed=config.seed))
    return overtrain(train, unseen, config)


def judge_known(config: Config) -> Known:
    """A logistic truth by a network that knows a small draw of it by heart."""
    coefficients = (2.0, -1.0, 0.5, *[0.0] * config.idle)
    sizes = config.drawn, config.calibrating, config.judged
    key = jax.random.key(config.seed)
    drawn = jax.tree.map(np.asarray, draw_logistic(key, sum(sizes), coefficients))
    train, unseen = _cut(drawn.batch, config.drawn)
    first, second = _cut(overtrain(train, unseen, config), config.calibrating)
    return Known(first, second, drawn.probs[-config.judged :].astype(np.float64))


def _cut(arrays: Tree, rows: int) -> tuple[Tree, Tree]:
    """The first rows of every array, and the others."""
    head = jax.tree.map(lambda array: array[:rows], arrays)
    return head, jax.tree.map(lambda array: array[rows:], arrays)


def overtrain(train: Batch, unseen: Batch, config: Config) -> Unseen:
    """Train in float32, and judge."""
    with jax.enable_x64(False):
        model = MLP(train.inputs.shape[1], config.hidden, rngs=nnx.Rngs(config.seed))
        key = jax.random.key(config.seed)
        fit(model, train, epochs=config.epochs, key=key, progress=False)
        logits = np.asarray(model(unseen.inputs), np.float64)
    return Unseen(np.asarray(unseen.labels, np.float64), logits)
