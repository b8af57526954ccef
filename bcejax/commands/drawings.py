"""Figures in files beside a page, and on it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bcejax.commands.page import Drawing
from bcejax.commands.pointing import Panel, marks_of
from bcejax.plots import save_drawing


class Figure(NamedTuple):
    """A figure in files, and what to say of it."""

    svg: Path
    alt: str
    caption: str
    panels: tuple[Panel, ...]


def draw_figure(
    stem: Path, panels: Sequence[Callable[[Any], object]], alt: str, caption: str
) -> Figure:
    """Draw panels side by side into SVG and PNG.

    Args:
        stem: path of the files without their suffix.
        panels: each gets its Axes.
        alt: what the figure shows, for those who do not see it.
        caption: what to see in it.
    """

    def draw(*axes: Any) -> None:
        for ax, panel in zip(axes, panels, strict=True):
            panel(ax)

    svg, found = save_with_marks(draw, stem, panels=(1, len(panels)))
    return Figure(svg, alt, caption, found)


def save_with_marks(
    draw: Callable[..., object], stem: Path, *, panels: tuple[int, int] = (1, 1)
) -> tuple[Path, tuple[Panel, ...]]:
    """Draw a figure into SVG and PNG; the path of the first, and what a pointer finds on it.

    Args:
        draw: gets one Axes for each panel, row by row.
        stem: path of the files without their suffix.
        panels: rows and columns of panels.
    """
    seen: list[Any] = []

    def watched(*axes: Any) -> None:
        seen.extend(axes)
        draw(*axes)

    svg, _ = save_drawing(watched, stem, panels=panels)
    return svg, marks_of(seen)


def drawing_of(figure: Figure) -> Drawing:
    """The figure as a page shows it, with links to its files beside the page."""
    svg = figure.svg.read_text(encoding="utf-8")
    links = links_to(figure.svg.name, f"{figure.svg.stem}.png")
    return Drawing(svg, figure.alt, figure.caption, links, figure.panels)


def links_to(*names: str) -> dict[str, str]:
    """Links to files beside the page, labelled by their suffix.

    Example:
        >>> links_to("table.csv")
        {'CSV': 'table.csv'}
    """
    return {name.rpartition(".")[2].upper(): name for name in names}
