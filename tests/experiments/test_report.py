"""The pages that a run leaves, read as a browser would."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from experiments.__main__ import main
from experiments.folder import read_run
from experiments.report import page_of_one, read_runs

FAKES = ("broken_pump", "steady_gauge", "tight_bound")
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """All tags with their attributes, all text; every tag must be closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"twice the same attribute: {attrs}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(" ".join(data.split()))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A folder with three runs, out of order."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent / "fakes")
        assert main(["run", "tight_bound", *FAKES[:2], "--out", str(folder)], FAKES) == 1
    return folder


@pytest.fixture(scope="module")
def path(out):
    """Of a page with all that a page can hold."""
    return out / "steady_gauge" / "report.html"


@pytest.fixture(scope="module")
def page(path):
    return Reader(path.read_text(encoding="utf-8"))


def test_runs_are_in_the_order_of_the_registry(out):
    assert [run.name for run in read_runs(out, FAKES)[0]] == list(FAKES)
    names = ["tight_bound", "broken_pump", "steady_gauge"]  # those that have no place come last
    assert [run.name for run in read_runs(out, ["tight_bound"])[0]] == names


def test_no_page_needs_a_network(out):
    for path in out.rglob("report.html"):
        text = path.read_text(encoding="utf-8")
        sources = [attrs["src"] for _, attrs in Reader(text).tags if "src" in attrs]
        assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
        assert bool(sources) == (path.parent.name == "steady_gauge")
        assert "://" not in text
        assert not re.search(r"url\(|@import|<link|<iframe", text)
        assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'; ' in text


def test_links_lead_to_what_is_there(out):
    for path in out.rglob("report.html"):
        page = Reader(path.read_text(encoding="utf-8"))
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        targets = [attrs["href"] for attrs in page.all("a")]
        assert targets
        for target in targets:
            assert (path.parent / target).is_file()
        for _, attrs in page.tags:
            assert attrs.get("aria-labelledby") is None or attrs["aria-labelledby"] in ids


def test_a_page_leads_to_the_first_and_to_its_neighbours(page):
    targets = [attrs["href"] for attrs in page.all("a")]
    assert targets[:3] == [
        "../report.html",
        "../broken_pump/report.html",
        "../tight_bound/report.html",
    ]
    assert "tables/readings.csv" in targets


def test_each_figure_has_words_and_is_an_image(page):
    (image,) = page.all("img")
    assert image["alt"] == 'A flat line at the "level" <0.5>.'
    svg = base64.b64decode(image["src"].partition(",")[2])
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert len(page.all("figcaption")) == 1


def test_each_table_has_a_caption_and_scrolls_in_its_own_box(page):
    assert len(page.all("caption")) == len(page.all("table")) == 1
    tags = [(tag, attrs.get("class")) for tag, attrs in page.tags]
    assert tags[tags.index(("table", None)) - 1] == ("div", "scroll")
    assert all(attrs["scope"] == "col" for attrs in page.all("th"))


def test_a_figure_knows_its_values(page, path):
    (data,) = [json.loads(text) for text in page.texts if text.startswith("[[[")]
    assert [series[0] for _, _, _, (series,) in data] == ["", "value"]
    (x, y) = data[0][3][0][1][7][2:]
    assert (x, y) == ("7", "0.5")
    path.parent.joinpath("figures", "readings.json").rename(path.parent / "away.json")
    assert page_of_one(read_run(path.parent), path.parent).sections[1].blocks[0].panels == ()
    path.parent.joinpath("away.json").rename(path.parent / "figures" / "readings.json")


def test_text_of_experiments_is_escaped(page):
    text = "\n".join(page.texts)
    assert "Does a steady gauge read what it should, <b>bold</b> & all?" in text
    assert "All <readings>." in text
    assert "It reads 0.5 & nothing else." in text
    assert 'reading = level + "<i>noise</i>"' in text
    assert not page.all("b")
    assert not page.all("i")


def test_a_page_says_what_was_asked_expected_and_found(page):
    text = "\n".join(page.texts)
    for words in (
        "Expected: yes, to the last digit.",
        "Read at <noon>.",
        "readings that differ",
        "0 = 0",
        "0.5 ulp ≤ 2 ulp, 75 % to spare",
        "It is read twice.",
        "python -m experiments run steady_gauge",
    ):
        assert words in text


def test_a_page_reads_on_phones_in_the_dark_and_on_paper(page, path):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    assert page.all("html") == [{"lang": "en"}]
    text = path.read_text(encoding="utf-8")
    for query in ("max-width: 34rem", "prefers-color-scheme: dark", "@media print"):
        assert query in text


def test_the_first_page_has_each_question_with_its_verdict_and_margin(out):
    text = (out / "report.html").read_text(encoding="utf-8")
    contents = Reader(re.search('<nav aria-label="Contents".*?</nav>', text, re.DOTALL)[0])
    assert [attrs["href"] for attrs in contents.all("a")] == [
        f"{name}/report.html" for name in FAKES
    ]
    words = "\n".join(contents.texts)
    for each in (
        "did not finish",
        "RuntimeError: the pump <broke> at ~/pump",
        "holds",
        "All 2 claims hold; nearest to its bound: largest reading: 0.5 ulp ≤ 2 ulp, 75 % to spare.",
        "does not hold",
        "1 of 2 claims fail: the hard loss: found 0.5 nats, claimed ≤ 0.25 nats, missed by 0.25",
    ):
        assert each in words
    assert "Read at" not in text  # details are for the experiment's own page
    assert "Verdicts that hold: 1 of 3." in text


def test_a_failed_run_shows_its_traceback(out):
    page = Reader((out / "broken_pump" / "report.html").read_text(encoding="utf-8"))
    text = "\n".join(page.texts)
    assert "Traceback (most recent call last):" in text
    assert page.all("pre")[0]["class"] == "error"
    assert "RuntimeError: the pump <broke> at ~/pump" in text
