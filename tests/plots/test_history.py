import matplotlib
import numpy as np
import pytest

from bcejax.plots import draw_history
from bcejax.training import History, Status


def history(epochs=4, validation=True):
    down = np.linspace(0.7, 0.4, epochs)
    held = (down + 0.1, 0.8 - down) if validation else (None, None)
    return History(down, 1 - down, *held, epochs, 0, Status.FINISHED)


@pytest.mark.parametrize("quantity", ["loss", "accuracy"])
def test_both_sets_are_drawn_over_epochs_from_one(quantity, ax):
    draw_history(ax, history(), quantity)
    training, validation = ax.lines
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(training.get_ydata(), getattr(history(), quantity))
    np.testing.assert_array_equal(
        validation.get_ydata(), getattr(history(), f"validation_{quantity}")
    )
    assert ax.get_ylabel() == quantity
    assert training.get_color() == validation.get_color()
    assert training.get_linestyle() != validation.get_linestyle()


def test_without_validation_there_is_one_line(ax):
    draw_history(ax, history(validation=False))
    assert [line.get_label() for line in ax.lines] == ["training"]


def test_trainings_are_told_apart_by_their_labels(ax):
    draw_history(ax, history(), label="network")
    draw_history(ax, history(validation=False), label="linear")
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["network training", "network validation", "linear training"]


def test_one_epoch_can_be_seen(ax):
    draw_history(ax, history(epochs=1))
    assert [line.get_marker() for line in ax.lines] == ["o", "o"]


def test_epochs_are_whole_numbers(ax):
    draw_history(ax, history(epochs=3))
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_another_quantity_is_refused(ax):
    with pytest.raises(ValueError, match=r"quantity 'recall' is not one of \['loss', 'accuracy'\]"):
        draw_history(ax, history(), "recall")
    assert not ax.lines


def test_it_sets_no_global_style(ax):
    before = dict(matplotlib.rcParams)
    draw_history(ax, history())
    assert dict(matplotlib.rcParams) == before
