"""The report as people meet it: in a browser, from disk, on a phone, in the dark, by keyboard."""

import re
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

from experiments.__main__ import main

PATIENCE = 20  # times that a page is opened

FAKES = ("broken_pump", "steady_gauge", "tight_bound")
PAGES = ("report.html", *(f"{name}/report.html" for name in FAKES))

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent / "fakes")
        assert main(["run", "all", "--out", str(folder)], FAKES) == 1
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def page(browser, out):
    browser.open(out / "steady_gauge" / "report.html")
    return browser


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_a_page_opens_from_disk_without_complaint_and_fits(browser, out, name, width, dark):
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(out / name, width=width, dark=dark)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("[...document.images].every((i) => i.naturalWidth > 0 && i.alt)")
    assert browser.value("document.images.length") == (name.partition("/")[0] == "steady_gauge")
    assert browser.complaints == []
    assert {url.partition(":")[0] for url in browser.requests} <= {"file", "data"}


def test_the_browser_hears_complaints_and_sees_requests(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<img src='http://127.0.0.1:9/x.png'><script>console.error(1); absent()</script>"
    )
    browser.open(bad)
    assert "http://127.0.0.1:9/x.png" in browser.requests
    assert any("absent is not defined" in each for each in browser.complaints)


def test_the_first_page_leads_to_each_experiment_and_back(browser, out):
    browser.open(out / "report.html")
    links = browser.value("[...document.querySelectorAll('nav .title')].map((a) => a.href)")
    assert links == [(out / name / "report.html").as_uri() for name in FAKES]
    browser.open(out / FAKES[0] / "report.html")
    assert (
        browser.value("document.querySelector('.beside a').href") == (out / "report.html").as_uri()
    )


def column(browser):
    return browser.value(
        "[...document.querySelectorAll('tbody tr')].map((r) => r.cells[0].innerText)"
    )


def test_a_header_sorts_by_keyboard_as_by_mouse(page):
    rows = column(page)
    assert rows[:3] == ["0", "1", "2"]
    page.value("document.querySelector('th button').click()")
    assert page.value("document.querySelector('th').ariaSort") == "ascending"
    assert column(page) == rows
    page.value("document.querySelector('th button').focus()")
    page.press("Enter")
    assert page.value("document.querySelector('th').ariaSort") == "descending"
    assert column(page) == rows[::-1]
    page.value("document.querySelectorAll('th button')[1].click()")
    assert page.value("[...document.querySelectorAll('[aria-sort]')].length") == 1


def test_numbers_are_sorted_as_numbers_however_they_are_set(page):
    cells = ["1×10⁻⁹", "−2.5×10⁻⁷", "–", "∞", "12", "9", "−∞"]  # noqa: RUF001
    page.value(
        f"""{{const rows = document.querySelectorAll("tbody tr");
        {cells}.forEach((text, i) => {{ rows[i].cells[1].textContent = text; }});
        [...rows].slice({len(cells)}).forEach((row) => row.remove());
        document.querySelectorAll("th button")[1].click()}}"""
    )
    shown = page.value(
        "[...document.querySelectorAll('tbody tr')].map((r) => r.cells[1].innerText)"
    )
    assert shown == ["−∞", "−2.5×10⁻⁷", "1×10⁻⁹", "9", "12", "∞", "–"]  # noqa: RUF001


def test_a_pointer_over_a_figure_is_told_the_values(page):
    page.value(
        """new Promise((done) => {
        document.querySelector("figure").scrollIntoView();
        requestAnimationFrame(() => requestAnimationFrame(done));
        })"""
    )
    x, y = page.value(
        """(() => {
        const panels = JSON.parse(document.querySelector("figure script").textContent);
        const [across, down] = panels[1][3][0][1][7];
        const box = document.querySelector(".stage").getBoundingClientRect();
        return [box.left + across * box.width + 2, box.top + down * box.height - 2];
        })()"""
    )
    page.point(x, y)
    tip = "document.querySelector('.tip')"
    assert page.value(f"{tip}.innerText").split("\n") == ["value", "x: 7", "y: 0.5"]
    ring = page.value(
        """(() => { const box = document.querySelector(".ring").getBoundingClientRect();
        return [box.left + box.width / 2, box.top + box.height / 2]; })()"""
    )
    assert ring == pytest.approx([x - 2, y + 2], abs=1)
    page.point(1, 1)
    assert page.value(f"{tip}.hidden")


def opened(browser, path, expression, **how):
    """What an expression gives on a page that is opened; Chromium keeps choices a moment later."""
    browser.open(path, **how)
    return browser.value(expression)


def test_the_button_turns_light_into_dark_and_the_next_page_keeps_it(browser, out):
    paper = "getComputedStyle(document.body).backgroundColor"
    image = "getComputedStyle(document.querySelector('img')).filter"
    browser.open(out / "steady_gauge" / "report.html")
    light = browser.value(paper)
    assert browser.value(image) == "none"
    browser.value("document.querySelector('.theme').click()")
    assert browser.value(paper) != light
    assert "invert" in browser.value(image)
    first = out / "report.html"
    assert any(opened(browser, first, paper) != light for _ in range(PATIENCE))
    browser.value("document.querySelector('.theme').click()")
    assert browser.value(paper) == light
    # what was chosen counts
    assert any(opened(browser, first, paper, dark=True) == light for _ in range(PATIENCE))
    browser.value("localStorage.clear()")


def test_paper_is_white_with_every_row_on_it(page):
    page.ask("Emulation.setEmulatedMedia", media="print")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.value("document.querySelector('.beside').offsetHeight") == 0
    assert (
        page.value("getComputedStyle(document.querySelector('.grid .scroll')).maxHeight") == "none"
    )
    page.ask("Emulation.setEmulatedMedia", media="")


def test_a_failed_experiment_shows_its_traceback_in_red(browser, out):
    browser.open(out / "broken_pump" / "report.html")
    trace = "document.querySelector('pre.error')"
    assert browser.value(f"{trace}.innerText").startswith("Traceback (most recent call last):")
    colour = browser.value(f"getComputedStyle({trace}).color")
    red, green, blue = map(int, re.findall(r"\d+", colour))
    assert red > 2 * max(green, blue)
