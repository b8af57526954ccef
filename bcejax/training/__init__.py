"""Floor 4: training with Optax: pure steps and epochs, and ``fit`` with all that surrounds them."""

from bcejax.training.checkpoints import Checkpoint
from bcejax.training.epochs import train_epochs
from bcejax.training.fitting import fit
from bcejax.training.orders import epoch_order
from bcejax.training.records import History, Status
from bcejax.training.state import TrainState, init_state, update_model
from bcejax.training.steps import Metrics, evaluate, train_step
from bcejax.training.stopping import EarlyStopping

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "History",
    "Metrics",
    "Status",
    "TrainState",
    "epoch_order",
    "evaluate",
    "fit",
    "init_state",
    "train_epochs",
    "train_step",
    "update_model",
]
