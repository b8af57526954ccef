import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.training import EarlyStopping, init_state
from bcejax.training.loop import Loop
from bcejax.training.passes import Data
from bcejax.training.program import Plan


@pytest.fixture
def mark(make_model, train):
    """The fingerprint of a small run, with something changed."""

    def mark(model=None, batch=train, words=(0, 7), plan=Plan(8, None), **options):  # noqa: B008
        state = init_state(make_model() if model is None else model, **options)
        data = Data(jax.tree.map(jnp.float32, batch), None)
        return Loop(state, data, list(words), plan).fingerprint()

    return mark


def test_the_same_run_has_the_same_fingerprint(mark):
    one, two = mark(optimizer=optax.adam(0.1)), mark(optimizer=optax.adam(0.1))
    assert one == two
    assert one["model"].startswith("21 parameters (")
    assert one["training set"].startswith("22 examples (")


def test_each_part_changes_with_what_it_stands_for(mark, train):
    wide = MLP(3, (5,), rngs=nnx.Rngs(5))
    inputs = train.inputs.copy()
    inputs[3, 1] = np.nextafter(np.float32(inputs[3, 1]), np.float32(9))
    plain = mark()
    for part, options in [
        ("model", {"model": wide}),
        ("training set", {"batch": train._replace(inputs=inputs)}),
        ("training set", {"batch": train._replace(weights=None)}),
        ("key", {"words": (0, 8)}),
        ("batch_size", {"plan": Plan(9, None)}),
        ("early_stopping", {"plan": Plan(8, EarlyStopping(3))}),
        ("program of model, optimizer and loss", {"optimizer": optax.adam(1.0001e-3)}),
        ("program of model, optimizer and loss", {"loss": lambda x, y: 2 * bce_with_logits(x, y)}),
    ]:
        assert mark(**options)[part] != plain[part], part


def test_the_weights_that_a_model_starts_from_do_not_count(mark):
    other = MLP(3, (4,), rngs=nnx.Rngs(5))
    assert mark(model=other) == mark()
