"""Errors in units of the last place, over the logits where they arose."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_errors(
    ax: "Axes", logits: ArrayLike, errors: Mapping[str, ArrayLike], *, bound: float | None = None
) -> None:
    """Error in ulp against the logit, one cloud of points for each name.

    The scale is linear up to 1 ulp and logarithmic beyond, so that an error of 0 has its place.
    An error that is nan or infinite stands as a cross on the upper edge.

    Args:
        ax: where to draw.
        logits: where the errors were taken (n,).
        errors: name to errors in ulp (n,); their sign does not matter.
        bound: a promised bound in ulp, drawn as a line.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_errors(ax, [0.0, 1.0, 2.0], {"ours": [0.5, 0.0, 1.0]}, bound=3)
        >>> ax.get_yscale()
        'symlog'
    """
    for name, values in errors.items():
        draw_cloud(ax, logits, values, name)
    frame_errors(ax, bound)


def draw_cloud(ax: "Axes", scores: ArrayLike, errors: ArrayLike, name: str) -> None:
    """One cloud of errors, those that are nan or infinite as crosses on the upper edge.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_cloud(ax, [0.0, 1.0], [0.5, np.nan], "ours")
        >>> [line.get_marker() for line in ax.lines]
        ['.', 'x']
    """
    scores, size = np.asarray(scores), np.abs(np.asarray(errors, np.float64))
    finite = np.isfinite(size)
    (points,) = ax.plot(scores[finite], size[finite], ".", markersize=3, label=name)
    lost = scores[~finite]
    if lost.size:  # an empty line that is not clipped collapses the layout of several panels
        ax.plot(
            lost,
            np.ones_like(lost, float),
            "x",
            color=points.get_color(),
            transform=ax.get_xaxis_transform(),
            clip_on=False,
        )


def frame_errors(ax: "Axes", bound: float | None = None) -> None:
    """The bound, the scale and the legend around clouds that are all drawn.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_cloud(ax, [0.0, 1.0], [0.5, 300.0], "ours")
        >>> frame_errors(ax, bound=3)
        >>> ax.get_ylabel()
        'error (ulp)'
    """
    if bound is not None:
        ax.axhline(bound, color="black", linewidth=1, label=f"bound, {bound:g} ulp")
    ax.set_yscale("symlog", linthresh=1)
    ax.set(xlabel="logit", ylabel="error (ulp)")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, markerscale=3, borderaxespad=0)
