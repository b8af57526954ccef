"""A reliability diagram: how often the label was 1 where the probability said it would be."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.squares import STRIP, Kind, frame_square, name_curves, rise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration import ReliabilityCurve


def draw_reliability(
    ax: "Axes",
    curve: "ReliabilityCurve",
    *,
    label: str | None = None,
    color: str | None = None,
    kind: Kind = "share",
    intervals: bool = True,
) -> None:
    """Mean label against mean probability of each bin, over the diagonal of perfect calibration.

    A whisker is the bin's interval of the share of label 1.  A strip along the foot shows how the
    weight of the examples lies over the bins, the heaviest bin highest; a bin without weight has
    no point.  May be called again on the same axes to compare curves.

    Args:
        ax: where to draw.
        curve: what ``bcejax.calibration.reliability_curve`` computed.
        label: the curve's name in the legend; None leaves the legend as it is.
        color: of the curve; None takes the next of the axes' colours.
        kind: "share" of label 1, or "bias": mean label minus mean probability, over the line 0.
        intervals: whether to draw whiskers; they mean nothing where weights do not count copies.

    Raises:
        ValueError: the kind is neither.

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
    x, share, lower, upper = (
        np.asarray(each)[full]
        for each in (curve.mean_prob, curve.mean_label, curve.lower, curve.upper)
    )
    y, lower, upper = (rise(kind, x, each) for each in (share, lower, upper))
    frame_square(ax, kind)
    (line,) = ax.plot(x, y, marker="o", label=label, color=color)
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
    name_curves(ax)
