"""An atlas of errors: a row for each way, a column for each thing, the worst ulp in the cell."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bcejax.plots.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "YlOrBr"  # light to dark in print as well
DARK = 0.55  # from this share of the scale on the text is white
GAP = 0.35  # between groups of columns, in columns


def draw_error_atlas(
    ax: "Axes", errors: Mapping[str, Mapping[tuple[str, str], float]], *, digits: float
) -> None:
    """The worst error of each row in each column, as a number on a colour that darkens with it.

    The colour is logarithmic: none up to 1 ulp, full where all digits are lost, at 2^digits ulp
    and beyond.  A cell that is missing stays empty; nan and infinity stand as "lost".

    Args:
        ax: where to draw.
        errors: row to column to error in ulp; a column is a pair (group, name), and columns of a
            group that follow one another stand under its name.
        digits: binary digits of the format, 24 in float32.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> draw_error_atlas(ax, {"ours": {("label 0", "value"): 1.5}}, digits=24)
        >>> [text.get_text() for text in ax.texts]
        ['1.5', 'label 0']
    """
    columns = list(dict.fromkeys(column for row in errors.values() for column in row))
    lefts = _lefts(columns)
    edges = np.unique(np.concatenate([lefts, lefts + 1]))
    shares = np.full((len(errors), len(edges) - 1), np.nan)
    for y, row in enumerate(errors.values()):
        for column, error in row.items():
            left = lefts[columns.index(column)]
            share = shares[y, np.searchsorted(edges, left)] = _share_lost(error, digits)
            ax.text(
                left + 0.5,
                y + 0.5,
                _short(error),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if share > DARK else INK,
            )
    ax.pcolormesh(
        edges,
        np.arange(len(errors) + 1),
        shares,
        cmap=COLOURS,
        vmin=0,
        vmax=1.1,
        edgecolor="white",
        rasterized=True,  # a path for each cell would make the file twice as large
    )
    _name_groups(ax, columns, lefts)
    ax.set_xticks(lefts + 0.5, [name for _, name in columns], rotation=40, ha="left", fontsize=7)
    ax.set_yticks(np.arange(len(errors)) + 0.5, list(errors), fontsize=7)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, pad=1)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set(xlim=(0, lefts[-1] + 1), ylim=(len(errors), 0))


def _lefts(columns: list[tuple[str, str]]) -> np.ndarray:
    """The left edge of each column, which is 1 wide."""
    groups = [group for group, _ in columns]
    begins = [i for i in range(1, len(groups)) if groups[i] != groups[i - 1]]
    places = np.arange(len(columns))
    return places + GAP * np.searchsorted(begins, places, "right")


def _share_lost(error: float, digits: float) -> float:
    """Of the digits, 0 to 1."""
    finite = np.nan_to_num(error, nan=np.inf)
    return float(np.clip(np.log2(max(finite, 1)) / digits, 0, 1))


def _short(error: float) -> str:
    """Two digits of a number, and a power of ten where they do not fit."""
    if not np.isfinite(error):
        return "lost"
    if error >= 1000:
        mantissa, exponent = f"{error:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{error:.0f}" if error >= 9.95 else f"{error:.1f}"


def _name_groups(ax: "Axes", columns: list[tuple[str, str]], lefts: np.ndarray) -> None:
    """Each group's name under its columns."""
    for group in dict.fromkeys(group for group, _ in columns):
        own = [left for (name, _), left in zip(columns, lefts, strict=True) if name == group]
        middle = (own[0] + own[-1] + 1) / 2
        base = ax.get_xaxis_transform()
        ax.text(middle, -0.02, group, transform=base, ha="center", va="top", fontsize=8)
