import pytest
from flax import nnx

from bcejax.models import MLP, LogisticRegression


def test_the_models_ask_for_counts():
    with pytest.raises(ValueError, match=r"^features is 0; there must be 1 or more$"):
        LogisticRegression(0, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"^features is 0; there must be 1 or more$"):
        MLP(0, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match=r"^each width in hidden is 4\.5; it must be an integer$"):
        MLP(3, (4, 4.5), rngs=nnx.Rngs(0))
