"""The tutorial's network and logistic regression, trained by ``fit`` and by hand."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import optax

from bcejax.losses import bernoulli_entropy
from bcejax.plots import draw_history
from bcejax.training import History, fit
from experiments import Claim, Figure, Result, Table, Verdict
from experiments.keras_tutorial.reference import train_by_hand
from experiments.keras_tutorial.setting import Model, Task, layers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK, LOGISTIC = "network", "logistic regression"
BOUND = 1e-5  # nats, float32 from float64
FIELDS = ("loss", "validation_loss", "accuracy", "validation_accuracy")


def follow_tutorial(task: Task) -> Result:
    """Both models trained, and each held against the loop of NumPy."""
    models: dict[str, Model] = {NETWORK: task.network(), LOGISTIC: task.regression()}
    by_hand = {name: _train_by_hand(task, model) for name, model in models.items()}
    histories = {name: _fit(task, model) for name, model in models.items()}
    columns = {name: _columns(history) for name, history in histories.items()}
    errors = {name: _error(columns[name], by_hand[name]) for name in models}
    rises = np.diff(columns[NETWORK]["loss"]) > 0
    seen, accuracy = (
        {name: each[field] for name, each in columns.items()}
        for field in ("validation_loss", "validation_accuracy")
    )
    base_rate = float(bernoulli_entropy(np.mean(task.parts.validation.labels)))
    gain = base_rate - seen[NETWORK][-1]
    claims = (
        Claim(
            "gain of the network over the base rate, on patients held back",
            gain,
            ">=",
            task.config.gain,
            "nats",
        ),
        Claim("epochs in which the network's training loss rose", int(rises.sum()), "==", 0),
        *(
            Claim(f"distance of loss curves from NumPy's, {name}", error, "<=", BOUND, "nats")
            for name, error in errors.items()
        ),
    )
    answer = (
        f"The tutorial's curves are those of a loop of NumPy, to {max(errors.values()):.1e} nats."
    )
    details = (
        f"After {task.config.epochs} epochs the network's validation loss is "
        f"{seen[NETWORK][-1]:.4f} (accuracy {accuracy[NETWORK][-1]:.3f}), that of logistic "
        f"regression {seen[LOGISTIC][-1]:.4f} ({accuracy[LOGISTIC][-1]:.3f}), that of the base "
        f"rate alone {base_rate:.4f}.",
    )
    return Result(
        Verdict(claims, answer, details),
        tables=(_tabulate(columns),),
        figures=(
            Figure(
                "history",
                "Loss and accuracy by epoch: training as a mean over the batches before their "
                "steps, validation after the epoch.",
                alt=(
                    f"The network's validation loss goes from {seen[NETWORK][0]:.3f} to "
                    f"{seen[NETWORK][-1]:.3f}, that of logistic regression from "
                    f"{seen[LOGISTIC][0]:.3f} to {seen[LOGISTIC][-1]:.3f}; the base rate lies at "
                    f"{base_rate:.3f}. Accuracies rise."
                ),
                draw=partial(draw_histories, histories=histories, base_rate=base_rate),
                panels=(1, 2),
            ),
        ),
    )


def _fit(task: Task, model: Model) -> History:
    train, validation = task.rounded("float32")
    return fit(
        model,
        train,
        validation=validation,
        optimizer=optax.adam(task.config.learning_rate),
        epochs=task.config.epochs,
        batch_size=task.config.batch_size,
        key=task.key,
        progress=False,
    )


def _train_by_hand(task: Task, model: Model) -> tuple[np.ndarray, np.ndarray]:
    c = task.config
    return train_by_hand(
        layers_of(model),
        task.rounded("float64"),
        task.orders(),
        rate=c.learning_rate,
        batch_size=c.batch_size,
    )


def _columns(history: History) -> dict[str, np.ndarray]:
    return {field: np.asarray(getattr(history, field), np.float64) for field in FIELDS}


def _error(ours: Mapping[str, np.ndarray], by_hand: tuple[np.ndarray, np.ndarray]) -> float:
    """The largest distance of the loss curves."""
    pairs = zip((ours["loss"], ours["validation_loss"]), by_hand, strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def _tabulate(columns: Mapping[str, Mapping[str, np.ndarray]]) -> Table:
    flat = {
        f"{name}, {field.replace('_', ' ')}": column
        for name, fields in columns.items()
        for field, column in fields.items()
    }
    epochs = np.arange(1, len(columns[NETWORK]["loss"]) + 1)
    return Table(
        "history",
        "Loss (nats) and accuracy by epoch.",
        {"epoch": epochs} | flat,
        formats=dict.fromkeys(flat, ".4f"),
    )


def draw_histories(
    left: "Axes", right: "Axes", *, histories: Mapping[str, History], base_rate: float
) -> None:
    """Loss and accuracy of each model by epoch."""
    for name, history in histories.items():
        draw_history(left, history, "loss", label=f"{name},")
        draw_history(right, history, "accuracy", label=f"{name},")
    left.axhline(base_rate, color="0.3", linewidth=1, linestyle=":")
    across = left.get_yaxis_transform()
    left.text(0.98, base_rate, "base rate alone", transform=across, ha="right", va="bottom")
    left.set_ylabel("loss (nats)")
    left.legend().remove()  # the other panel has the same
