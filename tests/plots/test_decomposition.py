import pytest

from bcejax.calibration.decomposition.corp import corp_decomposition
from bcejax.plots.decomposition import draw_decomposition

LABELS = [0, 1, 0, 1, 1, 0]


@pytest.fixture(scope="module")
def models():
    return {
        "sharp": corp_decomposition(LABELS, probs=[0.1, 0.6, 0.45, 0.9, 0.95, 0.3]),
        "dull": corp_decomposition(LABELS, probs=[0.5, 0.6, 0.6, 0.7, 0.4, 0.5]),
    }


def test_each_model_is_a_point_on_its_line_of_equal_score(ax, models):
    draw_decomposition(ax, models)
    for line, point, parts in zip(ax.lines[::2], ax.lines[1::2], models.values(), strict=True):
        at = (float(parts.miscalibration), float(parts.discrimination))
        assert (point.get_xdata()[0], point.get_ydata()[0]) == at
        assert line.get_slope() == 1
        assert line.get_xy1() == at
    colours = {line.get_color() for line in ax.lines[1::2]}
    assert len(colours) == 2


def test_names_stand_with_the_mean_scores_by_the_points(ax, models):
    draw_decomposition(ax, models)
    assert [text.get_text() for text in ax.texts] == [
        f"{name} {float(parts.score):.3g}" for name, parts in models.items()
    ]
    ax.figure.draw_without_rendering()
    box = ax.get_window_extent()
    assert box.width == pytest.approx(box.height)
