"""What a calibrator did: the reliability of the probabilities before it and after."""

from typing import TYPE_CHECKING

from bcejax.plots.reliability import draw_reliability
from bcejax.plots.squares import Kind
from bcejax.plots.style import FAINT, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration import ReliabilityCurve


def draw_recalibration(
    ax: "Axes",
    before: "ReliabilityCurve",
    after: "ReliabilityCurve",
    *,
    kind: Kind = "share",
    intervals: bool = True,
) -> None:
    """Both curves in one diagram: before in grey, after in colour.

    Args:
        ax: where to draw.
        before: what ``bcejax.calibration.reliability_curve`` computed of the probabilities.
        after: the same of the calibrated ones, best of examples that no calibrator has seen.
        kind: "share" of label 1, or "bias": mean label minus mean probability.
        intervals: whether to draw whiskers.

    Raises:
        ValueError: the kind is neither.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration import reliability_curve
        >>> before = reliability_curve([0, 1, 1, 0], probs=[0.1, 0.9, 0.9, 0.9])
        >>> after = reliability_curve([0, 1, 1, 0], probs=[0.2, 0.7, 0.7, 0.7])
        >>> ax = Figure().subplots()
        >>> draw_recalibration(ax, before, after)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['before', 'after']
    """
    for name, curve, color in (("before", before, FAINT), ("after", after, PALETTE[0])):
        draw_reliability(ax, curve, label=name, color=color, kind=kind, intervals=intervals)
