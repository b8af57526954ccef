"""The one HTML writer: a page of sections, in one file that opens from disk without a network.

A page is described by the records below and says nothing about looks; ``templates/page.html`` and
``page.css`` hold those.  All text is escaped; what stands between double backticks is set as code.
Figures are SVG images inside the page, each with its alternative text.  ``page.js`` sorts tables,
tells the values under a pointer and switches between light and dark; without it the page says the
same.  A content security policy forbids the page to fetch anything, and to run any other script.
"""

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from bcejax.commands.pointing import Panel
from bcejax.commands.typesetting import typeset
from bcejax.numerics import require

CODE = re.compile(r"``(.+?)``", re.DOTALL)


class Badge(NamedTuple):
    """One or two words in colour: a check mark where ``good``, a cross where not.

    Example:
        >>> grid = make_grid("Claims.", {"claim": ["4 ulp"], "verdict": [Badge("held", good=True)]})
        >>> grid.rows
        (('4 ulp', Badge(text='held', good=True)),)
    """

    text: str
    good: bool


class Paragraph(NamedTuple):
    """Running text; ``role`` is "plain", "answer" (larger) or "note" (smaller).

    Example:
        >>> page = Page("Losses", (), (Section("Log loss", "log", (Paragraph("See ``bce``."),)),))
        >>> "See <code>bce</code>." in render_page(page)
        True
    """

    text: str
    role: str = "plain"


class Listing(NamedTuple):
    """Text whose white space counts: a formula, a program; ``role`` "error" is a traceback's.

    Example:
        >>> page = Page("Losses", (), (Section("Log loss", "log", (Listing("z > 0"),)),))
        >>> "z &gt; 0" in render_page(page)
        True
    """

    text: str
    role: str = "plain"


class Facts(NamedTuple):
    """Pairs of a word and what it stands for: a configuration, an environment.

    Example:
        >>> facts = Facts("Configuration", {"rows": 1000, "shuffled": True})
        >>> section = Section("Run", "run", (facts,))
        >>> ">yes<" in render_page(Page("Losses", (), (section,)))
        True
    """

    caption: str
    pairs: Mapping[str, Any]


class Drawing(NamedTuple):
    """A figure: SVG text, its alternative text, its caption, links to its files, values to tell.

    Example:
        >>> drawing = Drawing('<svg width="300pt"></svg>', "an empty frame", "Nothing yet.")
        >>> drawing.width, drawing.source[:26]
        (400, 'data:image/svg+xml;base64,')
    """

    svg: str
    alt: str
    caption: str
    links: Mapping[str, str] = {}
    panels: tuple[Panel, ...] = ()

    @property
    def source(self) -> str:
        """The image as a data address, so that it needs no second file and shares no ids."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()

    @property
    def width(self) -> int:
        """Width in CSS pixels, of which a point is 4/3; 640 where the SVG does not say."""
        found = re.search(r'<svg[^>]*\swidth="([\d.]+)pt"', self.svg)
        return round(float(found[1]) * 4 / 3) if found else 640


class Grid(NamedTuple):
    """A table: header, rows of text or of a Badge, and which columns are numbers.

    Example:
        >>> grid = make_grid("Losses.", {"label": [0, 1], "loss": [0.5, None]})
        >>> grid.header, grid.numeric
        (('label', 'loss'), (True, True))
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | Badge, ...], ...]
    numeric: tuple[bool, ...]
    note: str = ""
    links: Mapping[str, str] = {}


class Entry(NamedTuple):
    """One line of a list that is judged: what it is, how it ended, a few words; where it leads.

    Example:
        >>> entry = Entry("Is it exact?", Badge("yes", good=True), ("margin 0.2",), link="#exact")
        >>> 'href="#exact"' in render_page(Page("Losses", (), (), entries=(entry,)))
        True
    """

    title: str
    badge: Badge
    remarks: tuple[str, ...] = ()
    link: str = ""  # an address, or # and a section's anchor


class Findings(NamedTuple):
    """A list of entries inside a section.

    Example:
        >>> findings = Findings((Entry("Is it exact?", Badge("no", good=False)),))
        >>> "Is it exact?" in render_page(Page("Losses", (), (Section("All", "all", (findings,)),)))
        True
    """

    entries: tuple[Entry, ...]


Block = Paragraph | Listing | Facts | Drawing | Grid | Findings


class Section(NamedTuple):
    """One titled part of a page; ``anchor`` is its id, which links name.

    Example:
        >>> section = Section("Log loss", "log", (Paragraph("It grows without bound."),))
        >>> 'id="log"' in render_page(Page("Losses", (), (section,)))
        True
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    badge: Badge | None = None
    kicker: str = ""  # a word above the title


class Page(NamedTuple):
    """A whole page: title, opening lines, sections; what it is a front page of; pages beside it.

    Example:
        >>> page = Page("Losses", ("What a mistake costs.",), (), beside={"Report": "report.html"})
        >>> "What a mistake costs." in render_page(page), 'href="report.html"' in render_page(page)
        (True, True)
    """

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]
    entries: tuple[Entry, ...] = ()
    beside: Mapping[str, str] = {}  # label to address
    badge: Badge | None = None
    kicker: str = ""  # a word above the title


def make_grid(
    caption: str,
    columns: Mapping[str, Sequence[Any]],
    *,
    formats: Mapping[str, str] | None = None,
    rows: int = 20,
    links: Mapping[str, str] | None = None,
) -> Grid:
    """A table typeset from its columns.

    Args:
        caption: what the table shows.
        columns: header to values, all of one length; None is a missing value, a Badge stays one.
        formats: header to format specification, "+.17g"; else numbers get 6 significant digits.
        rows: how many rows to show; a note says how many there are beyond.
        links: label to address of the table's files.

    Returns:
        The grid; a column is numeric when each value that is there is a number.

    Example:
        >>> make_grid("Losses.", {"label": [0, 1], "loss": [0.5, None]}).rows[0]
        ('0', '0.5')
    """
    formats = formats or {}
    shown = [
        [v if isinstance(v, Badge) else typeset(v, formats.get(name)) for v in list(values)[:rows]]
        for name, values in columns.items()
    ]
    count = len(next(iter(columns.values())))
    note = f"The first {rows} of {count} rows; the files hold all." if count > rows else ""
    return Grid(
        caption,
        tuple(columns),
        tuple(zip(*shown, strict=True)),
        tuple(_is_numeric(values) for values in columns.values()),
        note,
        links or {},
    )


def render_page(page: Page) -> str:
    """The page as HTML.

    Args:
        page: what to show.

    Returns:
        One HTML document, styles and figures inside.

    Raises:
        ModuleNotFoundError: jinja2 is not installed.

    Example:
        >>> "&lt;b&gt;" in render_page(Page("a <b> c", (), ()))
        True
    """
    jinja2 = require("jinja2", extra="cli", purpose="writing a report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bcejax.commands"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"typeset": typeset, "kind": _kind, "prose": _prose, "plain": _plain}
    script = resources.files(__package__).joinpath("templates", "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("page.html")
    text: str = template.render(page=page, script=script, digest=digest)
    return text


def write_page(page: Page, path: Path) -> None:
    """Write the page as HTML; a reader finds the old file or the new, never half of one.

    Args:
        page: what to show.
        path: the file, in a folder that exists.

    Raises:
        ModuleNotFoundError: jinja2 is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_page(Page("Losses", (), ()), Path(folder) / "page.html")
        ...     [path.name for path in Path(folder).iterdir()]
        ['page.html']
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(render_page(page), encoding="utf-8")
    unfinished.replace(path)


def _kind(block: Any) -> str:
    return type(block).__name__


def _prose(text: str) -> Any:
    """Text with what stands between double backticks set as code."""
    markupsafe = require("markupsafe", extra="cli", purpose="writing a report")
    return markupsafe.Markup(CODE.sub(r"<code>\1</code>", str(markupsafe.escape(text))))


def _plain(text: str) -> str:
    """The same where there can be no markup."""
    return CODE.sub(r"\1", text)


def _is_numeric(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        hasattr(value, "__float__") and not isinstance(value, bool) for value in present
    )
