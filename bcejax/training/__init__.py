"""Floor 4: training with Optax: pure steps and epochs, and ``fit`` with all that surrounds them.

What a process may train a model without loads on first use: ensembles, streams, and their
calibration, which brings floor 3 along.
"""

import importlib
from typing import TYPE_CHECKING, Any

from bcejax.training.checkpoints import Checkpoint
from bcejax.training.epochs import train_epochs
from bcejax.training.fitting import fit
from bcejax.training.orders import epoch_order
from bcejax.training.records import History, Status
from bcejax.training.state import TrainState, init_state, update_model
from bcejax.training.steps import Metrics, evaluate, train_step
from bcejax.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from bcejax.training.ensembles import (
        Ensemble,
        Uncertainty,
        decompose_entropy,
        fit_ensemble,
        mean_logits,
        mean_probs,
        spread,
    )
    from bcejax.training.measuring import StreamCalibration, stream_calibration
    from bcejax.training.streaming import StreamHistory, fit_stream

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "Ensemble",
    "History",
    "Metrics",
    "Status",
    "StreamCalibration",
    "StreamHistory",
    "TrainState",
    "Uncertainty",
    "decompose_entropy",
    "epoch_order",
    "evaluate",
    "fit",
    "fit_ensemble",
    "fit_stream",
    "init_state",
    "mean_logits",
    "mean_probs",
    "spread",
    "stream_calibration",
    "train_epochs",
    "train_step",
    "update_model",
]

# In this order: a name that is asked for loads the module it stands in and those before.
_LATER = "streaming", "ensembles", "measuring"


def __getattr__(name: str) -> Any:
    if name in __all__:
        modules = (importlib.import_module(f"bcejax.training.{each}") for each in _LATER)
        return next(getattr(module, name) for module in modules if hasattr(module, name))
    raise AttributeError(f"module 'bcejax.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
