import matplotlib
import numpy as np
import pytest

from bcejax.losses import bce_with_logits, bce_with_probs
from bcejax.plots import draw_loss_curves


@pytest.mark.parametrize(
    ("against", "loss", "at"),
    [
        ("probability", bce_with_probs, np.linspace(0, 1, 9, dtype=np.float32)),
        ("logit", bce_with_logits, np.linspace(-4, 4, 9, dtype=np.float32)),
    ],
)
def test_each_label_has_its_curve(against, loss, at, ax):
    losses = {label: loss(at, np.full_like(at, label)) for label in (1, 0, 0.25)}
    draw_loss_curves(ax, at, losses, against=against)
    assert [line.get_label() for line in ax.lines] == ["label 1", "label 0", "label 0.25"]
    for line, curve in zip(ax.lines, losses.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), at)
        np.testing.assert_array_equal(line.get_ydata(), curve)
    assert against in ax.get_xlabel()
    assert ax.get_ylabel() == "loss (nats)"


def test_another_axis_is_refused(ax):
    with pytest.raises(ValueError, match="against 'odds' is not one of"):
        draw_loss_curves(ax, [0.5], {1: [0.7]}, against="odds")
    assert not ax.lines


def test_it_sets_no_global_style(ax):
    before = dict(matplotlib.rcParams)
    draw_loss_curves(ax, [0.5], {1: [0.7]})
    assert dict(matplotlib.rcParams) == before
