import matplotlib
import numpy as np

from bcejax.plots import draw_errors, save_drawing

LOGITS = np.array([-1.0, 0.0, 1.0, 2.0])


def test_every_error_has_its_place_be_it_0_or_lost(ax):
    draw_errors(ax, LOGITS, {"ours": [0.0, 0.5, -1, 2], "theirs": [1e9, np.inf, np.nan, 0]})
    ours, theirs, lost = ax.lines
    np.testing.assert_array_equal(ours.get_ydata(), [0, 0.5, 1, 2])
    np.testing.assert_array_equal(theirs.get_xdata(), [-1, 2])
    np.testing.assert_array_equal(theirs.get_ydata(), [1e9, 0])
    np.testing.assert_array_equal(lost.get_xdata(), [0, 1])
    np.testing.assert_array_equal(lost.get_ydata(), [1, 1])
    assert lost.get_transform() == ax.get_xaxis_transform()  # 1 is the upper edge
    assert lost.get_color() == theirs.get_color()


def test_the_scale_begins_at_0_and_grows_in_decades(ax):
    draw_errors(ax, LOGITS, {"ours": [0.0, 1, 10, 100]})
    assert ax.get_ylim()[0] == 0
    heights = ax.transAxes.inverted().transform(
        ax.transData.transform([(0, v) for v in (1, 10, 100)])
    )
    steps = np.diff(heights[:, 1])
    np.testing.assert_allclose(steps[0], steps[1])
    zero = ax.transAxes.inverted().transform(ax.transData.transform((0, 0)))[1]
    assert abs(zero) < 1e-9


def test_the_bound_is_drawn_and_named(ax):
    draw_errors(ax, LOGITS, {"ours": [0.0, 1, 2, 3]}, bound=3)
    assert list(ax.lines[-1].get_ydata()) == [3, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ours", "bound, 3 ulp"]


def test_it_sets_no_global_style(ax):
    before = dict(matplotlib.rcParams)
    draw_errors(ax, LOGITS, {"ours": [0.0, 1, 2, 3]}, bound=3)
    assert dict(matplotlib.rcParams) == before


def test_two_panels_of_finite_errors_keep_their_layout(tmp_path):
    def draw(left, right):
        for ax in (left, right):
            draw_errors(ax, np.linspace(-5, 5, 11), {"ours": np.ones(11)})

    save_drawing(draw, tmp_path / "panels", panels=(1, 2))  # a collapsed layout warns
