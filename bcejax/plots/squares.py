"""The square that every reliability diagram stands in, whatever curve is drawn.

Kind "share" shows the share of label 1 over the diagonal of perfect calibration; kind "bias" shows
share minus probability over the line 0, which spreads out what the diagonal hides.
"""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from bcejax.plots.style import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bcejax.calibration.inference import Band

Kind: TypeAlias = Literal["share", "bias"]
KINDS = {"share": "share of label 1", "bias": "share of label 1 - probability"}
STRIP = 0.14  # height of the strip of weights along the foot, as a share of the axes
PERFECT = "_perfect"  # the underscore keeps it out of legends


def rise(kind: Kind, prob: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Where a share of label 1 at a probability is drawn.

    Raises:
        ValueError: the kind is neither "share" nor "bias".
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {list(KINDS)}")
    return share if kind == "share" else share - prob


def frame_square(ax: "Axes", kind: Kind) -> None:
    """Limits, labels and, once, the line of perfect calibration."""
    if all(line.get_label() != PERFECT for line in ax.lines):
        slope = 1 if kind == "share" else 0
        ax.axline((0, 0), slope=slope, **REFERENCE, zorder=1, label=PERFECT)
    ax.set(xlim=(0, 1), xlabel="mean probability", ylabel=KINDS[kind])
    if kind == "share":
        ax.set_ylim(0, 1)
        ax.set_aspect("equal", adjustable="box", anchor="W")
    else:
        ax.set_box_aspect(1)
        ax.set_anchor("W")


def draw_band(ax: "Axes", band: "Band", kind: Kind, *, color: Any) -> None:
    """The surface between two bounds, as a staircase that leaves out nothing.

    Between two of its probabilities a lower bound is that of the left one, an upper bound that of
    the right one: so ``confidence_band`` means it.
    """
    x = np.repeat(np.asarray(band.probs), 2)[1:-1]
    lower, upper = np.asarray(band.lower), np.asarray(band.upper)
    low, high = (rise(kind, x, np.repeat(each, 2)) for each in (lower[:-1], upper[1:]))
    ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0, zorder=0.8)


def name_curves(ax: "Axes") -> None:
    """A legend of all that has a name on the axes, each name once; none where nothing has."""
    handles, names = ax.get_legend_handles_labels()
    named = dict(zip(reversed(names), reversed(handles), strict=True))  # the first of a name stays
    if named:
        ax.legend([named[name] for name in dict.fromkeys(names)], list(dict.fromkeys(names)))
