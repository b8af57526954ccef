import signal

import jax
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.data import Batch
from bcejax.models import MLP, LogisticRegression


@pytest.fixture(autouse=True, scope="session")
def heed_ctrl_c():
    """A shell starts what runs in the background with the signal ignored, and so its children."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


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


class Noisy(nnx.Module):
    """Dropout and batch statistics."""

    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.linear = LogisticRegression(3, rngs=rngs)

    def __call__(self, inputs):
        return self.linear(self.dropout(self.norm(inputs)))


@pytest.fixture
def make_noisy():
    """A model with batch statistics and random counters, the same at each call."""
    return lambda: Noisy(nnx.Rngs(0))


@pytest.fixture(scope="session")
def adam():
    """A quick Adam, one for all tests: each new optimizer is compiled anew."""
    return optax.adam(0.3)


@pytest.fixture
def assert_close():
    """Equal but for the last digits, as two programs for one thing are: XLA orders sums anew."""

    def check(one, two, ulps=16):
        pairs = (map(np.asarray, jax.tree.leaves(tree)) for tree in (one, two))
        for a, b in zip(*pairs, strict=True):
            assert a.dtype == b.dtype
            if a.dtype.kind == "f":
                bound = ulps * np.finfo(a.dtype).eps * np.abs(b).max()
                assert np.abs(a - b).max() <= bound, f"{np.abs(a - b).max()} > {bound}"
            else:
                assert np.array_equal(a, b)

    return check


@pytest.fixture
def key():
    return jax.random.key(7)
