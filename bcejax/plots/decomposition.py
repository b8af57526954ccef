"""Scores of several models taken apart, in the plane of miscalibration and discrimination.

References:
    T. Dimitriadis, T. Gneiting, A. I. Jordan and P. Vogel, Evaluating probabilistic classifiers:
    the triptych (2024).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bcejax.plots.style import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration.decomposition.corp import CorpDecomposition


def draw_decomposition(ax: "Axes", parts: "Mapping[str, CorpDecomposition]") -> None:
    """One point for each model: how much miscalibration costs it, what its ranking is worth.

    A faint line through a point joins all models of the same mean score; up and to the left the
    score is better.

    Args:
        ax: where to draw.
        parts: model to what ``corp_decomposition`` computed, all by the same score of the same
            labels.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration.decomposition.corp import corp_decomposition
        >>> ax = Figure().subplots()
        >>> draw_decomposition(ax, {"mine": corp_decomposition([0, 1, 1], probs=[0.2, 0.7, 0.5])})
        >>> [text.get_text() for text in ax.texts]
        ['mine 0.424']
    """
    for name, each in parts.items():
        point = float(each.miscalibration), float(each.discrimination)
        ax.axline(point, slope=1, color=FAINT, linewidth=0.8, alpha=0.6, zorder=1)
        ax.plot(*point, "o", label=name)
        ax.annotate(
            f"{name} {float(each.score):.3g}", point, (5, -3), textcoords="offset points", va="top"
        )
    ax.set(xlabel="miscalibration", ylabel="discrimination")
    ax.margins(0.25)
    ax.set_box_aspect(1)
    ax.set_anchor("W")
