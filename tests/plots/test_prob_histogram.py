import numpy as np
import pytest

from bcejax.calibration import reliability_curve
from bcejax.plots import draw_prob_histogram

PROBS = np.array([0.1, 0.15, 0.45, 0.9, 0.95, 0.97])
LABELS = np.array([0, 1, 0, 1, 1, 0])
WEIGHTS = np.array([1, 2, 3, 1, 0, 1.0])


def areas(ax):
    """Of the bars of label 1 and of those of label 0."""
    return [sum(bar.get_height() * bar.get_width() for bar in half) for half in ax.containers]


def test_areas_are_shares_of_the_weight_of_each_class(ax):
    draw_prob_histogram(ax, reliability_curve(LABELS, probs=PROBS, weights=WEIGHTS, bins=5))
    ones, zeros = areas(ax)
    assert ones == pytest.approx(3 / 8)
    assert zeros == pytest.approx(-5 / 8)
    lefts = [bar.get_x() for bar in ax.containers[0]]
    np.testing.assert_allclose(lefts, np.arange(5) / 5, atol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["label 1", "label 0"]


def test_densities_have_no_sign_on_the_axis(ax):
    draw_prob_histogram(ax, reliability_curve(LABELS, probs=PROBS, bins=5))
    ax.figure.draw_without_rendering()
    assert all("-" not in text.get_text().replace("−", "-") for text in ax.get_yticklabels())  # noqa: RUF001
    assert ax.get_ylim()[0] < 0 < ax.get_ylim()[1]


def test_bins_without_width_are_left_out(ax):
    curve = reliability_curve([0, 1, 1], probs=[0.2, 0.7, 0.9], bins=2)
    narrow = curve._replace(edges=np.array([0.0, 0.0, 1.0]))
    draw_prob_histogram(ax, narrow)
    assert all(np.isfinite(bar.get_height()) for bar in ax.patches)
