"""What a pointer finds on a figure: each mark's place on it, and the numbers it stands for.

A place is a pair of shares of the figure's width and height, from its upper left corner, so that it
holds at whatever size the figure is shown.  Read from matplotlib's Axes once they are drawn: curves
and markers in units of the data, bars and steps, points of a scatter, cells of a mesh.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bcejax.commands.typesetting import typeset

MOST = 2000  # marks of a figure; of more, some that are spread evenly over each series
NAMED = {"FixedFormatter", "FuncFormatter", "StrCategoryFormatter"}  # of ticks that bear names
FOUR_DIGITS = ".4g"


class Marks(NamedTuple):
    """One series of a panel; each point is (across, down, x, y), and a cell's value behind."""

    label: str
    points: tuple[tuple[float | str, ...], ...]


class Panel(NamedTuple):
    """One Axes: where it is, as (left, top, right, bottom), what it measures, what it shows."""

    box: tuple[float, ...]
    x: str
    y: str
    series: tuple[Marks, ...]


class _Series(NamedTuple):
    """Numbers of one artist: (n, 2), and what a cell holds where they are cells."""

    label: str
    places: np.ndarray
    values: np.ndarray | None = None


def marks_of(axes: Iterable[Any]) -> tuple[Panel, ...]:
    """What a pointer finds on the panels of a figure that has been drawn.

    Args:
        axes: matplotlib's Axes.

    Returns:
        The panels with their series; numbers as a page sets them, with 4 digits.
    """
    found = [(ax, list(_series(ax))) for ax in axes]
    count = max(1, sum(len(series) for _, series in found))
    return tuple(_panel(ax, series, MOST // count) for ax, series in found)


def _panel(ax: Any, series: Sequence[_Series], most: int) -> Panel:
    box = ax.get_position()
    names = (_words(ax.xaxis), _words(ax.yaxis))
    marks = (_marks(ax, each, names, most) for each in series)
    return Panel(
        tuple(round(float(x), 4) for x in (box.x0, 1 - box.y1, box.x1, 1 - box.y0)),
        _plain(ax.get_xlabel()),
        _plain(ax.get_ylabel()),
        tuple(each for each in marks if each.points),
    )


def _series(ax: Any) -> Iterator[_Series]:
    """The numbers of each artist, as far as they are in units of the data."""
    groups = {id(part): group for group in ax.containers for part in _parts(group)}
    for line in ax.lines:
        if line.get_transform() == ax.transData:  # else a line to read by, across the panel
            yield _Series(_label(groups.get(id(line), line)), line.get_xydata())
    for group in ax.containers:
        if hasattr(group, "orientation") and hasattr(group, "patches"):
            yield _Series(_label(group), np.array([*map(_tip(group), group.patches)]))
    for patch in ax.patches:
        if hasattr(patch, "get_data"):
            values, edges, _ = patch.get_data()
            yield _Series(_label(patch), np.stack([(edges[1:] + edges[:-1]) / 2, values], -1))
    for collection in ax.collections:
        if hasattr(collection, "get_coordinates"):
            yield _cells(collection)
        elif len(collection.get_offsets()) > 1 and len(collection.get_sizes()):
            yield _Series(_label(collection), np.asarray(collection.get_offsets()))


def _parts(group: Any) -> Iterator[Any]:
    """The artists of a group that stand for its numbers."""
    yield from () if hasattr(group, "patches") else (part for part in group if part is not None)


def _tip(group: Any) -> Callable[[Any], tuple[float, float]]:
    """Where the end of a bar is."""
    if group.orientation == "horizontal":
        return lambda bar: (bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height() / 2)
    return lambda bar: (bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height())


def _cells(mesh: Any) -> _Series:
    corners = np.asarray(mesh.get_coordinates())
    middles = (corners[1:, 1:] + corners[:-1, :-1]) / 2
    return _Series("", middles.reshape(-1, 2), np.ma.filled(mesh.get_array(), np.nan).ravel())


def _marks(ax: Any, series: _Series, names: Sequence[dict[float, str]], most: int) -> Marks:
    places: np.ndarray = np.ma.filled(np.ma.asarray(series.places, float), np.nan).reshape(-1, 2)
    with np.errstate(all="ignore"):  # 0 on a logarithmic axis has no place
        shares = ax.figure.transFigure.inverted().transform(ax.transData.transform(places))
    box = ax.get_position()
    low, high = np.array([box.x0, box.y0]) - 1e-6, np.array([box.x1, box.y1]) + 1e-6
    shown = np.flatnonzero(np.all((shares >= low) & (shares <= high), axis=1))
    if len(shown) > most:
        shown = shown[np.linspace(0, len(shown) - 1, most).round().astype(int)]
    points: list[tuple[float | str, ...]] = []
    for row in shown:
        said = [_said(place, words) for place, words in zip(places[row], names, strict=True)]
        value = [] if series.values is None else [_said(series.values[row], {})]
        across, up = shares[row]
        points.append((round(float(across), 4), round(1 - float(up), 4), *said, *value))
    return Marks(series.label, tuple(points))


def _said(number: float, words: dict[float, str]) -> str:
    return words.get(float(number)) or typeset(float(number), FOUR_DIGITS)


def _words(axis: Any) -> dict[float, str]:
    """The names of places on an axis whose ticks bear names."""
    formatter, places = axis.get_major_formatter(), axis.get_majorticklocs()
    if type(formatter).__name__ not in NAMED:
        return {}
    names = formatter.format_ticks(places)  # numbers, where a figure gave numbers
    return {float(place): _plain(str(name)) for place, name in zip(places, names, strict=True)}


def _label(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else _plain(label)


def _plain(label: str) -> str:
    """On one line, without the signs of mathematics that matplotlib sets."""
    return " ".join(label.replace("$", "").split())
