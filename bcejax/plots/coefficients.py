"""Coefficients of a regression with their intervals, one line each: a forest plot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jax.typing import ArrayLike

from bcejax.plots.style import FAINT, PALETTE, REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST = 24  # characters of a name


def draw_coefficients(
    ax: "Axes",
    names: Sequence[str],
    values: ArrayLike,
    *,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    most: int = 20,
) -> None:
    """Each coefficient as a point on its line, its interval as a whisker, over the line 0.

    A coefficient whose interval holds 0, or that is 0, is grey; where an end is not finite there is
    no whisker. Of more coefficients than fit, those of largest magnitude are drawn.

    Args:
        ax: where to draw.
        names: of the d coefficients; the first stands on top.
        values: (d,).
        lower: (d,) ends of the intervals; None draws none.
        upper: (d,), likewise.
        most: how many to draw.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_coefficients(ax, ["age", "bmi"], [0.5, -0.1], lower=[0.2, -0.4], upper=[0.8, 0.2])
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['age', 'bmi']
    """
    values = np.asarray(values, float)
    low, high = (
        np.broadcast_to(np.nan if end is None else np.asarray(end, float), values.shape)
        for end in (lower, upper)
    )
    largest = np.sort(np.argsort(-np.abs(values), kind="stable")[:most])
    ax.axvline(0, **REFERENCE, zorder=1)
    for height, index in enumerate(largest):
        unsure = low[index] <= 0 <= high[index] or values[index] == 0
        color = FAINT if unsure else PALETTE[0]
        if np.isfinite([low[index], high[index]]).all():
            ax.plot([low[index], high[index]], [height, height], color=color, zorder=2)
        ax.plot(values[index], height, "o", color=color, zorder=3)
    shown = [_short(names[index]) for index in largest]
    ax.set_yticks(range(len(largest)), shown, parse_math=False)  # a "$" is part of a name
    ax.set_ylim(len(largest) - 0.5, -0.5)
    ax.set_xlabel("coefficient")
    ax.grid(False, axis="y")
    if len(largest) < values.size:
        ax.set_title(f"the largest {len(largest)} of {values.size}")


def _short(name: str) -> str:
    return name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…"
