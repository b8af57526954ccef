import matplotlib
import numpy as np
import pytest

from bcejax.calibration import reliability_curve
from bcejax.plots import draw_reliability

PROBS = np.array([0.1, 0.15, 0.45, 0.9, 0.95, 0.97])
LABELS = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture
def curve():
    return reliability_curve(LABELS, probs=PROBS, bins=5)


def test_each_full_bin_has_a_point_and_an_interval(ax, curve):
    draw_reliability(ax, curve)
    full = np.asarray(curve.counts) > 0
    assert full.tolist() == [True, False, True, False, True]
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), np.asarray(curve.mean_prob)[full])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), np.asarray(curve.mean_label)[full])
    (whiskers,) = ax.collections
    ends = np.array([segment[:, 1] for segment in whiskers.get_segments()])
    expected = np.stack([curve.lower, curve.upper], axis=1)[full]
    np.testing.assert_allclose(ends, expected, rtol=1e-6)


def test_the_strip_shows_the_weight_of_each_bin_by_its_edges(ax, curve):
    draw_reliability(ax, curve)
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), np.array([2, 0, 1, 0, 3]) / 3)
    assert heights.max() < 0.2
    lefts = [bar.get_x() for bar in ax.patches]
    np.testing.assert_allclose(lefts, np.asarray(curve.edges)[:-1])
    foot = ax.transAxes.transform((0, 0.14))[1]  # whatever the limits of the data are
    assert all(bar.get_data_transform().transform((0, 0.14))[1] == foot for bar in ax.patches)


def test_weights_are_what_the_strip_shows(ax):
    weights = np.array([0, 0, 1.0, 4, 4, 0])
    draw_reliability(ax, reliability_curve(LABELS, probs=PROBS, weights=weights, bins=5))
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), np.array([0, 0, 1, 0, 8]) / 8)
    assert ax.lines[1].get_xdata().size == 2


def test_intervals_may_be_left_out(ax, curve):
    draw_reliability(ax, curve, intervals=False)
    assert not ax.collections


def test_two_curves_share_one_diagonal_and_have_their_own_colours(ax, curve):
    draw_reliability(ax, curve, label="one")
    draw_reliability(ax, curve, label="two")
    assert len(ax.lines) == 3
    assert ax.lines[1].get_color() != ax.lines[2].get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_without_a_label_there_is_no_legend(ax, curve):
    draw_reliability(ax, curve)
    assert ax.get_legend() is None
    assert ax.get_xlim() == ax.get_ylim() == (0, 1)


def test_it_sets_no_global_style(ax, curve):
    before = dict(matplotlib.rcParams)
    draw_reliability(ax, curve, label="one")
    assert dict(matplotlib.rcParams) == before
