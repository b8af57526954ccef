"""Held-out loss against penalty: where a model begins to learn too little, or too much by heart."""

from typing import TYPE_CHECKING

import numpy as np
from jax.typing import ArrayLike

from bcejax.plots.style import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_penalty_curve(
    ax: "Axes",
    penalties: ArrayLike,
    losses: ArrayLike,
    *,
    errors: ArrayLike | None = None,
    chosen: float | None = None,
    name: str = "l2",
) -> None:
    """Mean loss of held-out examples against the penalty, on a logarithmic axis.

    Args:
        ax: where to draw.
        penalties: (k,) > 0.
        losses: (k,) in nats.
        errors: (k,) standard errors of the losses, drawn as a surface; None draws none.
        chosen: the penalty that was taken, marked by a line.
        name: of the penalty.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_penalty_curve(ax, [0.01, 0.1, 1.0], [0.5, 0.4, 0.6], chosen=0.1)
        >>> ax.get_xscale(), len(ax.lines)
        ('log', 2)
    """
    x, y = np.asarray(penalties), np.asarray(losses)
    (line,) = ax.plot(x, y, marker=".")
    if errors is not None:
        reach = np.asarray(errors)
        ax.fill_between(x, y - reach, y + reach, color=line.get_color(), alpha=0.2, linewidth=0)
    if chosen is not None:
        ax.axvline(chosen, **REFERENCE)
    ax.set(xscale="log", xlabel=name, ylabel="held-out log loss in nats")
