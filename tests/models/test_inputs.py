import numpy as np
import pytest
from flax import nnx

from bcejax.models import MLP, LogisticRegression
from bcejax.models.inputs import check_count


@pytest.mark.parametrize("count", [1, 64, np.int32(3)])
def test_takes_positive_integers(count):
    check_count(count, "width")


@pytest.mark.parametrize(
    ("count", "error", "line"),
    [
        (0, ValueError, "width must be at least 1, got 0"),
        (-2, ValueError, "width must be at least 1, got -2"),
        (2.0, TypeError, "width must be an integer, got 2.0"),
        (True, TypeError, "width must be an integer, got True"),
        ("8", TypeError, "width must be an integer, got '8'"),
        (None, TypeError, "width must be an integer, got None"),
    ],
)
def test_refuses_other_counts_in_one_line(count, error, line):
    with pytest.raises(error) as caught:
        check_count(count, "width")
    assert str(caught.value) == line


def test_the_models_ask():
    with pytest.raises(ValueError, match=r"^features must be at least 1, got 0$"):
        LogisticRegression(0, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"^features must be at least 1, got 0$"):
        MLP(0, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match=r"^each width in hidden must be an integer, got 4\.5$"):
        MLP(3, (4, 4.5), rngs=nnx.Rngs(0))
