import numpy as np
import pytest

from bcejax.calibration.decomposition.corp import CorpDecomposition
from bcejax.calibration.inference import Band
from bcejax.plots.isotonic_reliability import draw_isotonic_reliability

BAND = Band(
    probs=np.array([0.1, 0.3, 0.3, 0.8]),
    estimate=np.array([0.0, 0.5, 0.5, 1.0]),
    lower=np.array([0.0, 0.1, 0.2, 0.6]),
    upper=np.array([0.3, 0.6, 0.7, 1.0]),
)
PARTS = CorpDecomposition(*map(np.array, (0.5, 0.0125, 0.2, 0.6875)))


def test_the_curve_over_two_surfaces(ax):
    draw_isotonic_reliability(ax, BAND, consistency=BAND, confidence=BAND, color="#009E73")
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), BAND.probs)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), BAND.estimate)
    grey, green = ax.collections
    assert tuple(grey.get_facecolor()[0]) != tuple(green.get_facecolor()[0])


def test_a_band_is_a_staircase_outward(ax):
    draw_isotonic_reliability(ax, BAND, consistency=BAND)
    corners = {tuple(each) for each in ax.collections[0].get_paths()[0].vertices}
    assert {(0.8, 0.2), (0.3, 0.6), (0.3, 1.0), (0.1, 0.6), (0.3, 0.0)} <= corners
    assert (0.8, 0.6) not in corners  # the lower bound there holds from there on


def test_bias_moves_curve_and_bands_alike(ax):
    draw_isotonic_reliability(ax, BAND, consistency=BAND, kind="bias")
    np.testing.assert_allclose(ax.lines[1].get_ydata(), BAND.estimate - BAND.probs)
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(0.2 - 0.8)


def test_the_box_names_the_parts(ax):
    draw_isotonic_reliability(ax, BAND, parts=PARTS)
    (box,) = ax.texts
    assert box.get_text() == "MCB 0.0125\nDSC 0.2\nUNC 0.688"


def test_one_point_is_enough(ax):
    one = Band(*(each[:1] for each in BAND))
    draw_isotonic_reliability(ax, one, consistency=one)
    ax.figure.draw_without_rendering()
