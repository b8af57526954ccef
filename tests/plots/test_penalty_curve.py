import numpy as np

from bcejax.plots.penalty_curve import draw_penalty_curve

PENALTIES = np.array([1e-3, 1e-2, 1e-1])
LOSSES = np.array([0.5, 0.4, 0.6])


def test_the_curve_and_what_was_chosen(ax):
    draw_penalty_curve(ax, PENALTIES, LOSSES, chosen=1e-2, name="l1")
    curve, mark = ax.lines
    np.testing.assert_array_equal(curve.get_xydata(), np.transpose([PENALTIES, LOSSES]))
    assert set(mark.get_xdata()) == {1e-2}
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "l1")
    assert not ax.collections


def test_errors_are_a_surface_of_two_of_them(ax):
    draw_penalty_curve(ax, PENALTIES, LOSSES, errors=[0.1, 0.0, 0.2])
    (surface,) = ax.collections
    heights = surface.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [0.4, 0.8])
    assert len(ax.lines) == 1
