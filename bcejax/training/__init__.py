"""Floor 4: training with Optax: pure steps and epochs, and ``fit`` with all that surrounds them."""

from bcejax.training.checkpoints import Checkpoint
from bcejax.training.ensembles import (
    Ensemble,
    Uncertainty,
    decompose_entropy,
    fit_ensemble,
    mean_logits,
    mean_probs,
    spread,
)
from bcejax.training.epochs import train_epochs
from bcejax.training.fitting import fit
from bcejax.training.measuring import StreamCalibration, stream_calibration
from bcejax.training.orders import epoch_order
from bcejax.training.records import History, Status
from bcejax.training.state import TrainState, init_state, update_model
from bcejax.training.steps import Metrics, evaluate, train_step
from bcejax.training.stopping import EarlyStopping
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
