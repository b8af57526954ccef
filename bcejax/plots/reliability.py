"""A reliability diagram: how often the label was 1 where the probability said it would be."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.style import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration import ReliabilityCurve

STRIP = 0.14  # height of the strip of weights, as a share of the axes


def draw_reliability(
    ax: "Axes", curve: "ReliabilityCurve", *, label: str | None = None, intervals: bool = True
) -> None:
    """Mean label against mean probability of each bin, over the diagonal of perfect calibration.

    A whisker is the bin's interval of the share of label 1.  A strip along the foot shows how the
    weight of the examples lies over the bins, the heaviest bin highest; a bin without weight has
    no point.  May be called again on the same axes to compare curves.

    Args:
        ax: where to draw.
        curve: what ``bcejax.calibration.reliability_curve`` computed.
        label: the curve's name in a legend; None makes no legend.
        intervals: whether to draw whiskers; they mean nothing where weights do not count copies.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration import reliability_curve
        >>> ax = Figure().subplots()
        >>> draw_reliability(ax, reliability_curve([0, 1, 1], probs=[0.2, 0.7, 0.9]))
        >>> ax.get_xlabel()
        'mean probability'
    """
    weights, edges = np.asarray(curve.weights), np.asarray(curve.edges)
    full = weights > 0
    x, y, lower, upper = (
        np.asarray(each)[full]
        for each in (curve.mean_prob, curve.mean_label, curve.lower, curve.upper)
    )
    if not ax.lines:
        ax.axline((0, 0), slope=1, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    (line,) = ax.plot(x, y, marker="o", label=label)
    if intervals:
        ax.vlines(x, lower, upper, color=line.get_color(), linewidth=1, alpha=0.6)
    ax.bar(
        edges[:-1],
        STRIP * weights / (weights.max() or 1),
        width=np.diff(edges),
        align="edge",
        color=line.get_color(),
        alpha=0.25,
        linewidth=0,
        transform=ax.get_xaxis_transform(),  # the height is a share of the axes, not a probability
        zorder=0.5,
    )
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean probability", ylabel="share of label 1")
    ax.set_aspect("equal", adjustable="box", anchor="W")
    if label is not None:
        ax.legend()
