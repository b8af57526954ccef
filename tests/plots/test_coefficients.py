import numpy as np
import pytest

from bcejax.plots.coefficients import draw_coefficients
from bcejax.plots.style import FAINT, PALETTE

NAMES = ["age", "a name that is longer than any axis bears", "bmi", "dose"]
VALUES = np.array([0.5, -0.1, -2.0, 0.0])
LOWER = np.array([0.2, -0.4, -np.inf, 0.0])
UPPER = np.array([0.8, 0.2, 3.0, 0.0])


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_points_and_whiskers_stand_where_they_belong(ax):
    draw_coefficients(ax, NAMES, VALUES, lower=LOWER, upper=UPPER)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    whiskers = [line for line in ax.lines if line.get_marker() != "o"][1:]
    assert [line.get_xdata()[0] for line in points] == VALUES.tolist()
    assert [line.get_ydata()[0] for line in points] == [0, 1, 2, 3]
    assert [tuple(line.get_xdata()) for line in whiskers] == [(0.2, 0.8), (-0.4, 0.2), (0.0, 0.0)]
    assert ax.get_ylim() == (3.5, -0.5)  # the first on top
    assert names(ax)[0] == "age"
    assert names(ax)[1] == "a name that is longer t…"


def test_what_may_be_0_is_grey(ax):
    draw_coefficients(ax, NAMES, VALUES, lower=LOWER, upper=UPPER)
    points = [line.get_color() for line in ax.lines if line.get_marker() == "o"]
    assert points == [PALETTE[0], FAINT, FAINT, FAINT]


def test_integers_are_taken(ax):
    draw_coefficients(ax, ["age", "bmi"], [2, -1])
    assert [line.get_xdata()[0] for line in ax.lines[1:]] == [2, -1]


@pytest.mark.parametrize("most", [1, 2])
def test_of_many_the_largest_are_drawn_in_their_order(ax, most):
    draw_coefficients(ax, NAMES, VALUES, most=most)
    assert names(ax) == ["age", "bmi"][2 - most :]
    assert ax.get_title() == f"the largest {most} of 4"
    assert len(ax.lines) == 1 + most  # no whiskers


def test_a_dollar_is_part_of_a_name(ax):
    draw_coefficients(ax, ["$income_$_per_", "x$^$"], [1.0, 2.0])
    ax.figure.draw_without_rendering()  # as mathematics neither can be read
    assert names(ax) == ["$income_$_per_", "x$^$"]
