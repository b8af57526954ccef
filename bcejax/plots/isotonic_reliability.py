"""The reliability diagram of isotonic regression, which chooses its own bins.

References:
    T. Dimitriadis, T. Gneiting and A. I. Jordan, Stable reliability diagrams for probabilistic
    classifiers (2021): the CORP diagram.
"""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.squares import Kind, draw_band, frame_square, name_curves, rise
from bcejax.plots.style import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration.decomposition.corp import CorpDecomposition
    from bcejax.calibration.inference import Band

SHORT = ("MCB", "DSC", "UNC")


def draw_isotonic_reliability(
    ax: "Axes",
    curve: "Band",
    *,
    consistency: "Band | None" = None,
    confidence: "Band | None" = None,
    parts: "CorpDecomposition | None" = None,
    label: str | None = None,
    color: str | None = None,
    kind: Kind = "share",
) -> None:
    """The isotonic share of label 1 against probability, over the diagonal.

    A grey surface says where the curve of a calibrated model would lie, a coloured one where the
    true share may lie.  May be called again on the same axes to compare models.

    Args:
        ax: where to draw.
        curve: any band of ``bcejax.calibration``; its ``estimate`` is the isotonic curve.
        consistency: what ``consistency_band`` computed; the same record will do.
        confidence: what ``confidence_band`` computed; likewise.
        parts: what ``corp_decomposition`` computed, written into a corner.
        label: the curve's name in the legend; None leaves the legend as it is.
        color: of the curve; None takes the next of the axes' colours.
        kind: "share" of label 1, or "bias": share minus probability.

    Raises:
        ValueError: the kind is neither.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from bcejax.calibration.inference import confidence_band
        >>> ax = Figure().subplots()
        >>> band = confidence_band([0, 1, 0, 1], probs=np.array([0.1, 0.3, 0.4, 0.8]))
        >>> draw_isotonic_reliability(ax, band, confidence=band)
        >>> ax.lines[1].get_ydata().tolist()[::2]
        [0.0, 0.5, 0.5, 1.0]
    """
    x = np.asarray(curve.probs)
    y = rise(kind, x, np.asarray(curve.estimate))
    frame_square(ax, kind)
    if consistency is not None:
        draw_band(ax, consistency, kind, color=FAINT)
    (line,) = ax.plot(x, y, label=label, color=color)
    if confidence is not None:
        draw_band(ax, confidence, kind, color=line.get_color())
    if parts is not None:
        _write_parts(ax, parts)
    name_curves(ax)


def _write_parts(ax: "Axes", parts: "CorpDecomposition") -> None:
    names = ("miscalibration", "discrimination", "uncertainty")
    lines = [
        f"{short} {getattr(parts, name):.3g}" for short, name in zip(SHORT, names, strict=True)
    ]
    ax.text(
        0.97,
        0.2,
        "\n".join(lines),
        transform=ax.transAxes,
        ha="right",
        va="bottom",
        color=INK,
        fontsize="small",
    )
