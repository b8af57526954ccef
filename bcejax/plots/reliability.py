"""A reliability diagram: how often the label was 1 where the probability said it would be."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.style import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration import ReliabilityCurve

STRIP = 0.14  # height of the strip of counts, as a share of the axes


def draw_reliability(ax: "Axes", curve: "ReliabilityCurve", *, label: str | None = None) -> None:
    """Mean label against mean probability of each bin, over the diagonal of perfect calibration.

    A strip along the foot shows how many examples each bin holds, the fullest bin highest; an
    empty bin has no point.  May be called again on the same axes to compare curves.

    Args:
        ax: where to draw.
        curve: what ``bcejax.calibration.reliability_curve`` computed.
        label: the curve's name in a legend; None makes no legend.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration import reliability_curve
        >>> curve = reliability_curve(np.array([0, 1, 1]), probs=np.array([0.2, 0.7, 0.9]))
        >>> ax = Figure().subplots()
        >>> draw_reliability(ax, curve)
        >>> ax.get_xlabel()
        'mean probability'
    """
    counts, edges = np.asarray(curve.counts), np.asarray(curve.edges)
    full = counts > 0
    if not ax.lines:
        ax.axline((0, 0), slope=1, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    (line,) = ax.plot(
        np.asarray(curve.mean_prob)[full],
        np.asarray(curve.mean_label)[full],
        marker="o",
        label=label,
    )
    ax.bar(
        edges[:-1],
        STRIP * counts / max(counts.max(), 1),
        width=np.diff(edges),
        align="edge",
        color=line.get_color(),
        alpha=0.25,
        linewidth=0,
        transform=ax.get_xaxis_transform(),
        zorder=0.5,
    )
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean probability", ylabel="share of label 1")
    ax.set_aspect("equal", adjustable="box", anchor="W")
    if label is not None:
        ax.legend()
