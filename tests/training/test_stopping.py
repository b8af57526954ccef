import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from bcejax.models import LogisticRegression
from bcejax.training import EarlyStopping, init_state
from bcejax.training.records import Figures

STATE = init_state(LogisticRegression(1, rngs=nnx.Rngs(0)))


def replay(stopping, values):
    """Epoch (from 1) after which training stops, and the best one, in plain Python."""
    best, best_epoch = np.inf, 0
    for epoch, value in enumerate(values, 1):
        if value < best - stopping.min_delta:
            best, best_epoch = value, epoch
        if epoch - best_epoch >= stopping.patience:
            return epoch, best_epoch
    return len(values), best_epoch


@settings(max_examples=60, deadline=None)
@given(
    patience=st.integers(1, 4),
    min_delta=st.sampled_from([0.0, 0.25, 1.0]),
    values=st.lists(st.integers(-8, 8), min_size=1, max_size=12),
    monitor=st.sampled_from(Figures._fields),
)
def test_stops_where_a_plain_loop_stops(patience, min_delta, values, monitor):
    stopping = EarlyStopping(patience, min_delta, restore_best=False, monitor=monitor)
    sign = -1 if monitor.endswith("accuracy") else 1
    best = stopping.first(STATE)
    for epoch, value in enumerate(values, 1):
        others = {name: jnp.float32(99 - 7 * epoch) for name in Figures._fields}
        figures = Figures(**others | {monitor: jnp.float32(sign * value)})
        best, stop = stopping.update(best, STATE, figures, jnp.int32(epoch))
        if stop:
            break
    assert (epoch, best.epoch) == replay(stopping, values)


def test_monitors_the_validation_loss_if_there_is_one():
    figures = Figures(jnp.float32(1), jnp.float32(2), jnp.float32(3), jnp.float32(4))
    stopping = EarlyStopping(1)
    assert stopping.update(stopping.first(STATE), STATE, figures, 1)[0].value == 3
    unseen = figures._replace(validation_loss=None, validation_accuracy=None)
    assert stopping.update(stopping.first(STATE), STATE, unseen, 1)[0].value == 1


def test_keeps_the_state_of_the_best_epoch_only_if_asked():
    figures = Figures(jnp.float32(1), jnp.float32(2), None, None)
    for restore in (True, False):
        stopping = EarlyStopping(1, restore_best=restore)
        best, _ = stopping.update(stopping.first(STATE), STATE, figures, 1)
        assert (best.state is not None) == restore


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"patience": 0}, r"^patience is 0; there must be 1 or more$"),
        ({"patience": 1, "min_delta": -0.5}, r"^min_delta must be 0 or more, got -0\.5$"),
        ({"patience": 1, "min_delta": float("nan")}, r"^min_delta must be 0 or more, got nan$"),
        ({"patience": 1, "min_delta": float("inf")}, r"^min_delta must be finite, got inf$"),
        ({"patience": 1, "monitor": "val_loss"}, r"^monitor must be one of .*, got 'val_loss'$"),
    ],
)
def test_refuses_what_makes_no_sense(arguments, line):
    with pytest.raises(ValueError, match=line):
        EarlyStopping(**arguments)
    with pytest.raises(TypeError, match=r"^patience is 1\.5; it must be an integer$"):
        EarlyStopping(1.5)
