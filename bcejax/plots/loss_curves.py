"""The cross-entropy as a curve: the U of its two labels in p, the hinge-like pair in the logit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXIS = {"probability": "probability of label 1", "logit": "logit"}


def draw_loss_curves(
    ax: "Axes",
    at: ArrayLike,
    losses: Mapping[int, ArrayLike] | Mapping[float, ArrayLike],
    *,
    against: Literal["probability", "logit"] = "probability",
) -> None:
    """One curve of the loss for each label.

    Args:
        ax: where to draw.
        at: probabilities or logits (n,).
        losses: label to the losses (n,) there, in nats.
        against: what ``at`` holds, "probability" or "logit".

    Raises:
        ValueError: ``against`` is neither.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> p = np.array([0.1, 0.5, 0.9])
        >>> draw_loss_curves(ax, p, {1: -np.log(p), 0: -np.log1p(-p)})
        >>> [line.get_label() for line in ax.lines]
        ['label 1', 'label 0']
    """
    if against not in AXIS:
        raise ValueError(f"against {against!r} is not one of {list(AXIS)}")
    for label, curve in losses.items():
        ax.plot(np.asarray(at), np.asarray(curve), label=f"label {label:g}")
    ax.set(xlabel=AXIS[against], ylabel="loss (nats)")
    ax.legend()
