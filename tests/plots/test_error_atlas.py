import numpy as np

from bcejax.plots import draw_error_atlas, save_drawing

HARD, SOFT = "labels 0 and 1", "label 0.3"
ERRORS = {
    "ours": {(HARD, "value"): 0.5, (HARD, "gradient"): 1.0, (SOFT, "value"): 12.34},
    "theirs": {(HARD, "value"): 2.0**24, (HARD, "gradient"): np.nan},
    "others": {(HARD, "value"): 2.0**12, (HARD, "gradient"): np.inf, (SOFT, "value"): 7e28},
}


def cells(ax):
    """Each number with its place."""
    at = [(text.get_text(), *text.get_position()) for text in ax.texts]
    return {(x, y): text for text, x, y in at if y > 0}


def test_each_error_stands_in_its_row_and_column(ax):
    draw_error_atlas(ax, ERRORS, digits=24)
    assert cells(ax) == {
        **{(0.5, 0.5): "0.5", (1.5, 0.5): "1.0", (2.85, 0.5): "12"},
        **{(0.5, 1.5): "2e7", (1.5, 1.5): "lost"},
        **{(0.5, 2.5): "4e3", (1.5, 2.5): "lost", (2.85, 2.5): "7e28"},
    }
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(ERRORS)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["value", "gradient", "value"]
    assert {text.get_text() for text in ax.texts} >= {HARD, SOFT}


def test_the_colour_is_the_share_of_digits_that_is_lost(ax):
    draw_error_atlas(ax, ERRORS, digits=24)
    shares = ax.collections[0].get_array()
    np.testing.assert_array_equal(shares.mask, [[0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
    np.testing.assert_allclose(
        shares.filled(-1),
        [[0, 0, -1, np.log2(12.34) / 24], [1, 1, -1, -1], [0.5, 1, -1, 1]],
    )


def test_dark_cells_have_white_text(ax):
    draw_error_atlas(ax, ERRORS, digits=24)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["2e7"] == "white"
    assert colours["0.5"] != "white"


def test_it_draws_in_the_house_style_without_a_warning(tmp_path):
    save_drawing(lambda ax: draw_error_atlas(ax, ERRORS, digits=24), tmp_path / "atlas")
