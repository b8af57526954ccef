"""Options that cannot be taken are named, with what would be."""

import numpy as np
import pytest

from bcejax.numerics.options import check_confidence, check_count


@pytest.mark.parametrize("count", [2.5, True, "3", None, np.float32(3)])
def test_refuses_what_is_no_integer(count):
    with pytest.raises(TypeError, match=r"cells is .*; it must be an integer"):
        check_count("cells", count)


@pytest.mark.parametrize(("count", "least"), [(0, 1), (-4, 1), (2, 3)])
def test_refuses_too_small_a_number(count, least):
    with pytest.raises(ValueError, match=f"cells is {count}; there must be {least} or more"):
        check_count("cells", count, least)


@pytest.mark.parametrize("count", [3, np.int64(3)])
def test_takes_integers(count):
    check_count("cells", count, least=3)


def test_there_must_be_one_unless_said():
    check_count("cells", 1)
    with pytest.raises(ValueError, match="cells is 0; there must be 1 or more"):
        check_count("cells", 0)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, float("nan")])
def test_refuses_a_confidence_that_is_none(confidence):
    with pytest.raises(ValueError, match=r"confidence .* does not lie between 0 and 1"):
        check_confidence(confidence)


@pytest.mark.parametrize("confidence", [1e-9, 0.95, 1 - 1e-9])
def test_takes_a_confidence(confidence):
    check_confidence(confidence)
