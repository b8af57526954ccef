"""The three models, fitted to one batch and judging another."""

from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import History, fit
from experiments.calibration_of_training.optimum import logits_of, newton
from experiments.calibration_of_training.settings import LOGISTIC, NETWORK, OVERTRAINED, Config


class Trained(NamedTuple):
    """Logits (n,) of each model, and how the overtrained one came to be."""

    logits: dict[str, np.ndarray]
    history: History


def train_models(train: Batch, unseen: Batch, config: Config, seed: int, **more: Any) -> Trained:
    """Fit all three to one batch and let them judge another."""
    inputs = np.asarray(unseen.inputs)
    b = newton(train)
    logits = {LOGISTIC: logits_of(inputs, b).astype(np.float64)}
    for name, epochs in ((NETWORK, config.epochs), (OVERTRAINED, config.overtraining)):
        model = MLP(inputs.shape[1], config.hidden, rngs=nnx.Rngs(seed), param_dtype=np.float64)
        key = jax.random.key(seed)
        history = fit(model, train, epochs=epochs, key=key, progress=False, **more)
        logits[name] = np.asarray(model(inputs))
    return Trained(logits, history)
