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
    logits = np.asarray(logits)
    for name, values in errors.items():
        size = np.abs(np.asarray(values, np.float64))
        finite = np.isfinite(size)
        (points,) = ax.plot(logits[finite], size[finite], ".", markersize=3, label=name)
        lost = logits[~finite]
        if lost.size:  # an empty line that is not clipped collapses the layout of several panels
            ax.plot(
                lost,
                np.ones_like(lost, float),
                "x",
                color=points.get_color(),
                transform=ax.get_xaxis_transform(),
                clip_on=False,
            )
    if bound is not None:
        ax.axhline(bound, color="black", linewidth=1, label=f"bound, {bound:g} ulp")
    ax.set_yscale("symlog", linthresh=1)
    ax.set(xlabel="logit", ylabel="error (ulp)")
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, markerscale=3, borderaxespad=0)
