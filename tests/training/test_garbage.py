import gc

import jax
import numpy as np
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP
from bcejax.training import fit
from bcejax.training.garbage import left_lying


def test_an_error_comes_through_and_the_search_goes_on():
    with pytest.raises(ZeroDivisionError), left_lying():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_who_does_not_search_is_not_told_to():
    gc.disable()
    try:
        with left_lying():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_nobody_searches_while_fit_traces():
    seen = []

    def activation(values):
        seen.append(gc.isenabled())
        return values

    model = MLP(1, (2,), activation, rngs=nnx.Rngs(0))
    fit(model, Batch(np.ones((4, 1)), np.ones(4)), epochs=1, key=jax.random.key(0), progress=False)
    assert seen
    assert not any(seen)
    assert gc.isenabled()
