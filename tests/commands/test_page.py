import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.commands import (
    Badge,
    Drawing,
    Entry,
    Facts,
    Findings,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
    page,
    render_page,
    write_page,
)
from bcejax.commands.pointing import Marks, Panel

PANEL = Panel((0.1, 0.1, 0.9, 0.9), "logit", "loss", (Marks("ours", ((0.5, 0.5, "1", "2"),)),))
SVG = '<svg width="72pt" height="36pt" xmlns="http://www.w3.org/2000/svg"><g id="a"/></svg>'


class Reader(HTMLParser):
    """The tags, and the text inside each."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.tags[-1][0] if self.tags else "", data.strip()))


def read(*blocks):
    return Reader(render_page(Page("Title", (), (Section("Part", "part", blocks),))))


BLOCKS = {
    "paragraph": (Paragraph, "p"),
    "listing": (Listing, "pre"),
    "facts' caption": (lambda text: Facts(text, {}), "h3"),
    "fact's word": (lambda text: Facts("", {text: 1}), "dt"),
    "fact": (lambda text: Facts("", {"word": text}), "dd"),
    "figure's caption": (lambda text: Drawing(SVG, "alt", text), "figcaption"),
    "table's caption": (lambda text: make_grid(text, {"a": [1]}), "span"),
    "header": (lambda text: make_grid("", {text: [1]}), "th"),
    "cell": (lambda text: make_grid("", {"a": [text]}), "td"),
    "finding": (lambda text: Findings((Entry(text, Badge("", True)),)), "span"),
    "remark": (lambda text: Findings((Entry("", Badge("", True), (text,)),)), "p"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_text_comes_through_escaped(name):
    build, tag = BLOCKS[name]
    text = """<script>alert("1")</script> & {{ 7 * 7 }} 'x'"""
    found = read(build(text))
    assert (tag, text) in found.texts
    assert [attrs for name, attrs in found.tags if name == "script"] == [{}]  # the page's own


def test_code_is_set_as_code():
    page = render_page(Page("Is ``a < b``?", ("``c``, not `d`",), ()))
    assert "<title>Is a &lt; b?</title>" in page
    assert "<h1>Is <code>a &lt; b</code>?</h1>" in page
    assert "<p><code>c</code>, not `d`</p>" in page


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_an_alternative_text_comes_through_whatever_it_says(alt):
    ((_, attrs),) = [tag for tag in read(Drawing(SVG, alt, "")).tags if tag[0] == "img"]
    assert attrs["alt"] == alt


def test_a_figure_is_inside_the_page_and_knows_its_width():
    drawing = Drawing(SVG, "alt", "", {"SVG": "a.svg"})
    assert drawing.width == 96
    assert Drawing("<svg/>", "alt", "").width == 640
    tags = read(drawing).tags
    assert ("img", {"src": drawing.source, "alt": "alt"}) in tags
    assert ("a", {"href": "a.svg", "download": None}) in tags
    assert ("figure", {"style": "--width: 96px"}) in tags


def test_values_of_a_figure_are_data_and_not_a_program():
    panel = PANEL._replace(x="</script><b>")
    html = render_page(Page("", (), (Section("", "a", (Drawing(SVG, "a", "", {}, (panel,)),)),)))
    ((data,),) = [re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)]
    assert json.loads(data) == json.loads(json.dumps([panel]))


def test_only_the_script_of_the_page_may_run():
    html = render_page(Page("", (), ()))
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "://" not in html


def test_a_page_leads_to_those_beside_it_and_says_what_it_is():
    found = Reader(
        render_page(
            Page(
                "T", (), (), beside={"All": "../all.html"}, badge=Badge("fails", False), kicker="k"
            )
        )
    )
    assert ("a", {"href": "../all.html"}) in found.tags
    assert ("span", {"class": "badge bad"}) in found.tags
    assert ("p", "k") in found.texts


def test_a_traceback_is_told_apart():
    assert ("pre", {"tabindex": "0", "class": "error"}) in read(Listing("Traceback", "error")).tags


def test_a_wide_figure_is_told_apart():
    tags = read(Drawing(SVG.replace("72pt", "720.5pt"), "alt", "")).tags
    assert ("figure", {"class": "wide", "style": "--width: 961px"}) in tags


def test_a_grid_is_typeset_and_knows_its_numbers():
    columns = {
        "n": [1, None, 3],
        "x": np.array([0.5, 1e-9, np.nan]),
        "good": [True, False, None],
        "who": ["a", "b", None],
        "mark": [Badge("holds", True)] * 3,
    }
    grid = make_grid("G.", columns, formats={"x": ".1e"})
    assert grid.header == tuple(columns)
    assert grid.numeric == (True, True, False, False, False)
    assert grid.rows[1] == ("–", "1.0×10⁻⁹", "no", "b", Badge("holds", True))  # noqa: RUF001
    assert grid.note == ""
    tags = read(grid).tags
    assert ("td", {"class": "number"}) in tags
    assert ("span", {"class": "badge good"}) in tags


def test_a_long_grid_shows_its_first_rows_and_says_so():
    grid = make_grid("G.", {"n": range(30)}, rows=5)
    assert len(grid.rows) == 5
    assert grid.note == "The first 5 of 30 rows; the files hold all."
    assert make_grid("G.", {"n": range(5)}, rows=5).note == ""


def test_a_grid_without_rows_is_a_header():
    assert read(make_grid("G.", {"n": []})).texts.count(("th", "n")) == 1


def test_a_badge_is_more_than_a_colour():
    marks = [
        render_page(Page("", (), (Section("", "a", (), Badge("word", good)),)))
        for good in (True, False)
    ]
    assert "✓" in marks[0]
    assert "✓" not in marks[1]
    assert "✗" in marks[1]


def test_the_contents_lead_to_the_sections():
    sections = tuple(Section(f"Part {i}", f"part-{i}", ()) for i in range(2))
    entries = tuple(Entry(s.title, Badge("holds", True), (), f"#{s.anchor}") for s in sections)
    found = Reader(render_page(Page("Title", ("Lead.",), sections, entries)))
    links = [attrs["href"] for tag, attrs in found.tags if tag == "a"]
    assert links == ["#part-0", "#part-1"]
    assert {"part-0", "part-1"} <= {attrs.get("id") for _, attrs in found.tags}


def test_no_colour_stands_outside_of_the_style_sheet():
    html = render_page(Page("T", (), (Section("P", "p", (Drawing(SVG, "a", "", {}, (PANEL,)),)),)))
    assert not re.search(r"#[0-9a-f]{3,6}\b", html.partition("</style>")[2])


def test_a_page_is_written_whole(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    write_page(Page("Täglich ✓", (), ()), path)
    before = path.read_text(encoding="utf-8")
    assert "Täglich ✓" in before

    def fail(page):
        raise RuntimeError

    monkeypatch.setattr(page, "render_page", fail)
    with pytest.raises(RuntimeError):
        write_page(Page("Other", (), ()), path)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_jinja2_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    message = r"^writing a report needs jinja2: pip install 'bcejax\[cli\]'$"
    with pytest.raises(ModuleNotFoundError, match=message):
        render_page(Page("", (), ()))
