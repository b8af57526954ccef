import numpy as np
import pytest

from bcejax.calibration import reliability_curve
from bcejax.plots import draw_recalibration, draw_reliability

PROBS = np.array([0.1, 0.15, 0.45, 0.9, 0.95, 0.97])
LABELS = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture(scope="module")
def curve():
    return reliability_curve(LABELS, probs=PROBS, bins=5)


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_bias_is_share_minus_probability_over_a_level_line(ax, curve):
    draw_reliability(ax, curve, kind="bias")
    perfect, line = ax.lines
    assert perfect.get_slope() == 0
    gap = np.asarray(curve.gap)[np.asarray(curve.counts) > 0]
    np.testing.assert_allclose(line.get_ydata(), gap, atol=1e-6)
    ends = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
    assert (ends[:, 0] <= line.get_ydata()).all()
    assert (ends[:, 1] >= line.get_ydata()).all()
    assert ax.get_ylabel() == "share of label 1 - probability"
    assert ax.get_ylim()[0] < gap.min()  # not cut at 0


@pytest.mark.parametrize("kind", ["share", "bias"])
def test_the_diagram_is_square(ax, curve, kind):
    draw_reliability(ax, curve, kind=kind)
    ax.figure.draw_without_rendering()
    box = ax.get_window_extent()
    assert box.width == pytest.approx(box.height)
    assert ax.get_xlim() == (0, 1)


def test_an_unknown_kind_is_refused(ax, curve):
    with pytest.raises(ValueError, match=r"kind 'gap' is not one of \['share', 'bias'\]"):
        draw_reliability(ax, curve, kind="gap")


def test_a_legend_neither_vanishes_nor_repeats(ax, curve):
    draw_reliability(ax, curve, label="one", color="#009E73")
    draw_reliability(ax, curve, label="two")
    draw_reliability(ax, curve)
    draw_reliability(ax, curve, label="one", color="#000000")
    assert names(ax) == ["one", "two"]
    assert ax.get_legend().legend_handles[0].get_color() == "#009E73"
    assert [line.get_label() for line in ax.lines].count("_perfect") == 1


def test_a_line_that_was_there_hides_no_diagonal(ax, curve):
    ax.plot([0, 1], [0.5, 0.5], label="base rate")
    draw_reliability(ax, curve)
    assert ax.lines[1].get_slope() == 1
    assert names(ax) == ["base rate"]


def test_recalibration_is_two_curves_of_two_colours(ax, curve):
    after = reliability_curve(LABELS, probs=np.clip(PROBS, 0.3, 0.6), bins=5)
    draw_recalibration(ax, curve, after, kind="bias", intervals=False)
    assert names(ax) == ["before", "after"]
    _, first, second = ax.lines
    assert first.get_color() != second.get_color()
    assert first.get_xdata().size == np.count_nonzero(curve.counts)
    assert second.get_xdata().size == 3
    assert not ax.collections
