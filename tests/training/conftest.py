import jax
import numpy as np
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP


@pytest.fixture
def train():
    """22 weighted examples of 3 features: batches of 8 leave a short one of 6."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(22, 3))
    labels = (inputs[:, 0] + 0.5 * rng.normal(size=22) > 0).astype(float)
    return Batch(inputs, labels, rng.uniform(0.5, 2, 22))


@pytest.fixture
def validation():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(13, 3))
    return Batch(inputs, (inputs[:, 0] + 0.5 * rng.normal(size=13) > 0).astype(float))


@pytest.fixture
def make_model():
    """A small MLP, the same at each call."""
    return lambda: MLP(3, (4,), rngs=nnx.Rngs(0))


@pytest.fixture
def key():
    return jax.random.key(7)
