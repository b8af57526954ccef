"""The course of a training, epoch by epoch."""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.training import History


def draw_history(
    ax: "Axes",
    history: "History",
    quantity: Literal["loss", "accuracy"] = "loss",
    *,
    label: str = "",
) -> None:
    """Loss or accuracy by epoch: training as a line, validation dashed in the same colour.

    May be called again on the same axes to compare trainings.

    Args:
        ax: where to draw.
        history: what ``bcejax.training.fit`` or ``train_epochs`` returned.
        quantity: "loss" or "accuracy".
        label: name of the training, before the words training and validation in the legend.

    Raises:
        ValueError: the quantity is neither.

    Example:
        >>> from types import SimpleNamespace
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_history(ax, SimpleNamespace(loss=[0.7, 0.5], validation_loss=None))
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['training']
    """
    if quantity not in ("loss", "accuracy"):
        raise ValueError(f"quantity {quantity!r} is not one of ['loss', 'accuracy']")
    training = np.asarray(getattr(history, quantity))
    validation = getattr(history, f"validation_{quantity}")
    epochs = np.arange(1, training.size + 1)
    marker = "o" if training.size == 1 else None  # a line through one point cannot be seen
    (line,) = ax.plot(epochs, training, marker=marker, label=f"{label} training".strip())
    if validation is not None:
        ax.plot(
            epochs,
            np.asarray(validation),
            color=line.get_color(),
            linestyle=(0, (4, 2)),
            marker=marker,
            label=f"{label} validation".strip(),
        )
    ax.set(xlabel="epoch", ylabel=quantity)
    ax.locator_params("x", integer=True)
    ax.legend()
