import itertools
import sys
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import Image

from bcejax.plots import PALETTE, house_style, save_drawing


def draw(ax):
    ax.plot([0, 1], [0, 1], label="<line> & more")
    ax.scatter([0, 1], [1, 0])
    ax.set_title("one title")
    ax.legend()


def test_the_style_ends_with_the_block():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == list(PALETTE)
        assert matplotlib.rcParams["axes.spines.top"] is False
    assert dict(matplotlib.rcParams) == before


def test_the_style_ends_with_an_exception():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), house_style():
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before


def test_what_a_person_set_does_not_reach_the_figures(tmp_path):
    svg, png = save_drawing(draw, tmp_path / "a")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 10}):
        other = save_drawing(draw, tmp_path / "b")
    assert other[0].read_bytes() == svg.read_bytes()
    assert other[1].read_bytes() == png.read_bytes()


def test_a_drawing_is_saved_twice_and_changes_nothing(tmp_path):
    before = dict(matplotlib.rcParams)
    assert save_drawing(draw, tmp_path / "a.b") == (tmp_path / "a.b.svg", tmp_path / "a.b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b.png", "a.b.svg"]
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()


def test_the_text_of_an_svg_is_text_and_no_date_is_in_it(tmp_path):
    svg, _ = save_drawing(draw, tmp_path / "a")
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"one title", "<line> & more"} <= set(texts)
    assert "date" not in svg.read_text(encoding="utf-8")


def test_the_size_follows_the_panels(tmp_path):
    svg, png = save_drawing(lambda *axes: [draw(ax) for ax in axes], tmp_path / "a", panels=(2, 3))
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(3 * 5.2 * 72)
    with Image.open(png) as image:
        assert image.size == (3 * 1040, 2 * 720)


def test_panels_come_row_by_row(tmp_path):
    places = []

    def note(*axes):
        places.extend(ax.get_subplotspec().rowspan.start for ax in axes)

    save_drawing(note, tmp_path / "a", panels=(2, 2))
    assert places == [0, 0, 1, 1]


def test_the_colours_differ_in_lightness_or_in_hue_for_every_eye():
    """No two colours look alike under red, green or blue blindness (Viénot et al. 1999)."""
    matrices = [
        [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
        [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    ]

    def seen(colour, matrix):
        linear = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        mixed = [sum(m * c for m, c in zip(row, linear, strict=True)) for row in matrix]
        return [max(c, 0) ** (1 / 2.2) for c in mixed]

    for matrix in matrices:
        for one, other in itertools.combinations(PALETTE, 2):
            pair = zip(seen(one, matrix), seen(other, matrix), strict=True)
            assert max(abs(a - b) for a, b in pair) > 0.1, (one, other)


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = r"^drawing needs matplotlib: pip install 'bcejax\[plots\]'$"
    with pytest.raises(ModuleNotFoundError, match=message), house_style():
        pass
