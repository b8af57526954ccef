"""What a pointer finds on a figure, against the data that were drawn."""

import numpy as np

from bcejax.commands.drawings import save_with_marks
from bcejax.commands.pointing import MOST


def marks(tmp_path, draw):
    """The only panel's series, by label."""
    _, (panel,) = save_with_marks(draw, tmp_path / "figure")
    return panel, {each.label: each.points for each in panel.series}


def values(points):
    return [point[2:] for point in points]


def test_a_curve_is_found_where_it_is(tmp_path):
    def draw(ax):
        ax.plot([1, 10, 100], [0, -0.5, 1], label="ours")
        ax.axhline(0.25)
        ax.set(xscale="log", xlabel="$n$ of\nrows", ylabel="loss", xlim=(1, 100), ylim=(-1, 1))

    panel, found = marks(tmp_path, draw)
    assert (panel.x, panel.y) == ("n of rows", "loss")
    assert list(found) == ["ours"]  # a line to read by has no values
    assert values(found["ours"]) == [("1", "0"), ("10", "−0.5"), ("100", "1")]  # noqa: RUF001
    left, top, right, bottom = panel.box
    assert 0 < left < right < 1
    assert 0 < top < bottom < 1
    places = np.array([point[:2] for point in found["ours"]])
    middle = (left + right) / 2, (top + bottom) / 2
    np.testing.assert_allclose(places[0], (left, middle[1]), atol=2e-4)
    np.testing.assert_allclose(places[1], (middle[0], top + 0.75 * (bottom - top)), atol=2e-4)
    np.testing.assert_allclose(places[2], (right, top), atol=2e-4)


def test_bars_steps_dots_intervals_and_cells_have_values(tmp_path):
    def draw(bars, lying, steps, dots, intervals, mesh):
        bars.bar(["a", "b"], [2, 3])
        lying.barh([0, 1], [4, 5], label="them")
        lying.set_yticks([0, 1], ["first", "second"])
        steps.stairs([6, 7], [0, 1, 2])
        dots.scatter([1, 2], [8, np.nan], label="seen")
        intervals.errorbar([1, 2], [3, 4], yerr=1, fmt="o", label="between")
        mesh.pcolormesh([0, 1, 2], [0, 1], [[0.25, 0.75]])

    _, panels = save_with_marks(draw, tmp_path / "figure", panels=(2, 3))
    found = [[(each.label, values(each.points)) for each in panel.series] for panel in panels]
    assert found == [
        [("", [("a", "2"), ("b", "3")])],
        [("them", [("4", "first"), ("5", "second")])],
        [("", [("0.5", "6"), ("1.5", "7")])],
        [("seen", [("1", "8")])],
        [("between", [("1", "3"), ("2", "4")])],
        [("", [("0.5", "0.5", "0.25"), ("1.5", "0.5", "0.75")])],
    ]


def test_of_many_marks_some_are_kept_and_both_ends(tmp_path):
    _, found = marks(tmp_path, lambda ax: ax.plot(np.arange(10 * MOST + 1), label="long"))
    assert len(found["long"]) == MOST
    assert values(found["long"])[0] == ("0", "0")
    assert values(found["long"])[-1] == ("2×10⁴", "2×10⁴")  # noqa: RUF001


def test_ticks_may_be_named_by_numbers(tmp_path):
    def draw(ax):
        ax.plot([3, 4], label="curve")
        ax.set_xticks([0, 1], np.array([250, 1000]))

    _, found = marks(tmp_path, draw)
    assert values(found["curve"]) == [("250", "3"), ("1000", "4")]


def test_what_is_outside_of_a_panel_is_not_found(tmp_path):
    def draw(ax):
        ax.plot([0, 1, 2], label="curve")
        ax.set_xlim(0.5, 1.5)

    _, found = marks(tmp_path, draw)
    assert values(found["curve"]) == [("1", "1")]


def test_an_empty_figure_has_no_marks(tmp_path):
    panel, _ = marks(tmp_path, lambda ax: ax.text(0.5, 0.5, "nothing"))
    assert panel.series == ()
