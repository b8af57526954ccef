"""How a model's probabilities lie for each class: label 1 upward, label 0 downward."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.squares import name_curves
from bcejax.plots.style import FAINT, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration import ReliabilityCurve


def draw_prob_histogram(ax: "Axes", curve: "ReliabilityCurve") -> None:
    """Density of the probabilities of each class, back to back over one axis.

    An area is a share of the weight of all examples, so bins may differ in width.

    Args:
        ax: where to draw.
        curve: what ``bcejax.calibration.reliability_curve`` computed, best in many bins.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration import reliability_curve
        >>> ax = Figure().subplots()
        >>> draw_prob_histogram(ax, reliability_curve([0, 1, 1], probs=[0.2, 0.7, 0.9], bins=2))
        >>> [bar.get_height().round(3).item() for bar in ax.patches]
        [0.0, 1.333, -0.667, 0.0]
    """
    weights, edges = np.asarray(curve.weights, float), np.asarray(curve.edges, float)
    widths = np.diff(edges)
    ones = np.where(weights > 0, weights * np.asarray(curve.mean_label), 0)
    for name, mass, color in (
        ("label 1", ones, PALETTE[1]),
        ("label 0", ones - weights, PALETTE[0]),
    ):
        # two edges may be one number where many probabilities are
        height = np.divide(mass, widths * weights.sum(), out=np.zeros_like(mass), where=widths > 0)
        ax.bar(edges[:-1], height, width=widths, align="edge", color=color, lw=0, label=name)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.set(xlim=(0, 1), xlabel="probability", ylabel="density")
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    name_curves(ax)
