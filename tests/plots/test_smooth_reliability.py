import numpy as np

from bcejax.calibration.errors import smooth
from bcejax.calibration.inference import Band
from bcejax.plots.smooth_reliability import draw_smooth_reliability

CURVE = smooth.SmoothCurve(
    grid=np.linspace(0, 1, 5),
    curve=np.array([np.nan, 0.4, 0.5, 0.8, 0.9]),
    density=np.array([0, 0.5, 2, 1, 0.25]),
    bandwidth=np.array(0.1),
    error=np.array(0.1),
)
BAND = Band(*(np.array(each) for each in ([0.25, 0.75], [0.4, 0.8], [0.2, 0.6], [0.5, 0.9])))


def test_the_curve_and_the_strip_of_its_density(ax):
    draw_smooth_reliability(ax, CURVE, label="mine", color="#009E73")
    perfect, line = ax.lines
    assert perfect.get_slope() == 1
    np.testing.assert_array_equal(line.get_ydata(), CURVE.curve)
    (strip,) = ax.collections
    heights = strip.get_paths()[0].vertices[:, 1]
    assert heights.max() == 0.14
    foot = ax.transAxes.transform((0, 0.14))[1]
    assert strip.get_transform().transform((0, 0.14))[1] == foot
    assert line.get_color() == "#009E73"


def test_bias_and_band(ax):
    draw_smooth_reliability(ax, CURVE, band=BAND, kind="bias")
    np.testing.assert_allclose(ax.lines[1].get_ydata(), CURVE.curve - CURVE.grid)
    vertices = ax.collections[0].get_paths()[0].vertices
    corners = {(round(x, 9), round(y, 9)) for x, y in vertices.tolist()}
    # from the left the lower bound holds, from the right the upper one
    assert {(0.25, -0.05), (0.75, -0.55), (0.25, 0.65), (0.75, 0.15)} <= corners


def test_two_models_share_the_axes(ax):
    draw_smooth_reliability(ax, CURVE, label="one")
    draw_smooth_reliability(ax, CURVE, label="two")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert ax.lines[1].get_color() != ax.lines[2].get_color()
