"""A smooth reliability diagram: no bins, one curve as wide as the examples lie dense."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.squares import STRIP, Kind, draw_band, frame_square, name_curves, rise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration.errors.smooth import SmoothCurve
    from bcejax.calibration.inference import Band


def draw_smooth_reliability(
    ax: "Axes",
    curve: "SmoothCurve",
    *,
    band: "Band | None" = None,
    label: str | None = None,
    color: str | None = None,
    kind: Kind = "share",
) -> None:
    """The smoothed share of label 1 against probability, over the diagonal.

    A strip along the foot shows the density of the probabilities.  The curve is left out where
    there are no examples.  May be called again on the same axes to compare models.

    Args:
        ax: where to draw.
        curve: what ``smooth_reliability_curve`` computed.
        band: what ``confidence_band`` or ``consistency_band`` computed, drawn as a surface.
        label: the curve's name in the legend; None leaves the legend as it is.
        color: of the curve; None takes the next of the axes' colours.
        kind: "share" of label 1, or "bias": share minus probability.

    Raises:
        ValueError: the kind is neither.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration.errors.smooth import smooth_reliability_curve
        >>> ax = Figure().subplots()
        >>> smooth = smooth_reliability_curve([0, 1, 1], probs=[0.2, 0.7, 0.9], cells=64)
        >>> draw_smooth_reliability(ax, smooth, label="model")
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['model']
    """
    x, share, density = (np.asarray(each) for each in (curve.grid, curve.curve, curve.density))
    y = rise(kind, x, share)
    frame_square(ax, kind)
    (line,) = ax.plot(x, y, label=label, color=color)
    if band is not None:
        draw_band(ax, band, kind, color=line.get_color())
    ax.fill_between(
        x,
        0,
        STRIP * density / (density.max() or 1),
        color=line.get_color(),
        alpha=0.25,
        linewidth=0,
        transform=ax.get_xaxis_transform(),  # a share of the axes, not a probability
        zorder=0.5,
    )
    name_curves(ax)
