import numpy as np

from bcejax.analysis import Curve
from bcejax.plots import draw_audit, save_drawing

LABELS = np.array([0.0, 0.0, 1.0, 1.0])


def curve(form="logits", scores=(-5.0, 5.0, -5.0, 5.0)):
    errors = np.array([0.5, 900.0, 2.0, np.nan])
    return Curve("gradient", form, np.array(scores), LABELS, errors, 4.0)


def test_a_cloud_for_each_label_with_all_of_it_in_sight(ax):
    draw_audit(ax, curve())
    none, one, lost, bound = ax.lines
    assert [line.get_label() for line in (none, one)] == ["y = 0", "y = 1"]
    np.testing.assert_array_equal(none.get_ydata(), [0.5, 900])
    np.testing.assert_array_equal(one.get_ydata(), [2])
    np.testing.assert_array_equal(lost.get_xdata(), [5])
    assert list(bound.get_ydata()) == [4, 4]
    low, high = ax.get_ylim()
    assert (low, high > 900) == (0, True)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("logit", "gradient, error (ulp)")
    assert ax.get_xscale() == "linear"


def test_probabilities_stand_on_the_scale_of_their_logits(ax):
    draw_audit(ax, curve("probs", (1e-30, 0.5, 1e-30, 1 - 1e-7)))
    assert (ax.get_xlabel(), ax.get_xscale()) == ("probability", "logit")


def test_panels_keep_their_layout(tmp_path):
    def draw(left, right):
        draw_audit(left, curve())
        draw_audit(right, curve("probs", (1e-30, 0.5, 1e-30, 1 - 1e-7)))

    save_drawing(draw, tmp_path / "audit", panels=(1, 2))  # a collapsed layout warns
