"""How figures look: one quiet style, in force only inside a ``with``, never set for the process.

The eight colours are those of M. Okabe and K. Ito, Color Universal Design (2008), which people
with any kind of colour vision can tell apart; yellow comes last, being faint on white.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bcejax.numerics import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#E69F00",  # orange
    "#000000",  # black
    "#F0E442",  # yellow
)
INK = "#23211d"
FAINT = "#8a857b"
REFERENCE: dict[str, Any] = {"color": FAINT, "lw": 1, "linestyle": (0, (4, 3))}  # a line to read by

STYLE: dict[str, Any] = {
    "axes.formatter.min_exponent": 4,  # on a logarithmic axis 200 and 0.01, not powers of ten
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelpad": 6.0,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],  # an SVG lists them at every word
    "font.size": 10.0,
    "grid.color": FAINT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text: small, searchable, sharp
    "svg.hashsalt": "bcejax",  # the same figure is the same file
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


@contextmanager
def house_style() -> Iterator[None]:
    """The style of this project inside the ``with``; outside all stays as it was.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> import matplotlib
        >>> with house_style():
        ...     matplotlib.rcParams["svg.fonttype"]
        'none'
    """
    styles = require("matplotlib.style", extra="plots", purpose="drawing")
    cycler = require("cycler", extra="plots", purpose="drawing").cycler
    with styles.context(["default", STYLE | {"axes.prop_cycle": cycler(color=PALETTE)}]):
        yield


def save_drawing(
    draw: Callable[..., object], stem: Path, *, panels: tuple[int, int] = (1, 1)
) -> tuple[Path, Path]:
    """Draw one figure in the house style and write it as SVG and PNG.

    The same drawing gives the same bytes: the files hold no date and no random identifiers.

    Args:
        draw: gets one Axes for each panel, row by row; what it returns does not matter.
        stem: path of the files without their suffix.
        panels: rows and columns of panels, each 5.2 by 3.6 inches.

    Returns:
        The paths of the SVG and of the PNG.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     svg, png = save_drawing(lambda ax: ax.plot([0, 1]), Path(folder) / "line")
        ...     svg.name, png.name
        ('line.svg', 'line.png')
    """
    figures = require("matplotlib.figure", extra="plots", purpose="drawing")
    rows, columns = panels
    with house_style():
        figure = figures.Figure(figsize=(5.2 * columns, 3.6 * rows))
        draw(*figure.subplots(rows, columns, squeeze=False).flat)
        with warnings.catch_warnings():  # an SVG keeps the sign; in the PNG one sees a box
            warnings.filterwarnings("ignore", r"Glyph .* missing from font")
            return _save(figure, stem)


def _save(figure: "Figure", stem: Path) -> tuple[Path, Path]:
    svg, png = stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")
    nameless = {"Date": None, "Creator": None}
    figure.savefig(svg, metadata=nameless, transparent=True)  # on whatever the page is made of
    figure.savefig(png, metadata={"Software": None}, facecolor="white")
    return svg, png
